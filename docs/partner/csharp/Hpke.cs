using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Org.BouncyCastle.Crypto.Parameters;

/// <summary>A receiver's context of HPKE (RFC 9180) in base mode, for .NET 10 and before.</summary>
sealed class Hpke
{
    readonly byte[] key, nonce;
    ulong number;

    /// <summary>Sections 4.1 and 5.1, for X25519, HKDF-SHA256, ChaCha20-Poly1305.</summary>
    public Hpke(X25519PrivateKeyParameters secret, byte[] enc, byte[] info)
    {
        byte[] kem = [.. "KEM"u8, 0, 32], suite = [.. "HPKE"u8, 0, 32, 0, 1, 0, 3];
        byte[] agreed = new byte[32], open = secret.GeneratePublicKey().GetEncoded();
        secret.GenerateSecret(new X25519PublicKeyParameters(enc), agreed, 0); // refuses low order
        byte[] eae = Extract([], kem, "eae_prk", agreed);
        byte[] shared = Expand(eae, kem, "shared_secret", [.. enc, .. open], 32);
        byte[] psk = Extract([], suite, "psk_id_hash", []);
        byte[] context = [0, .. psk, .. Extract([], suite, "info_hash", info)];
        byte[] prk = Extract(shared, suite, "secret", []);
        key = Expand(prk, suite, "key", context, 32);
        nonce = Expand(prk, suite, "base_nonce", context, 12);
    }

    /// <summary>
    /// Opens the next chunk (section 5.2): its nonce is the base nonce XOR its number.
    /// </summary>
    public byte[] Open(byte[] chunk)
    {
        byte[] own = [.. nonce], text = new byte[chunk.Length - 16];
        ulong low = BinaryPrimitives.ReadUInt64BigEndian(nonce.AsSpan(4));
        BinaryPrimitives.WriteUInt64BigEndian(own.AsSpan(4), low ^ number++);
        using var aead = new ChaCha20Poly1305(key);
        aead.Decrypt(own, chunk.AsSpan(0, text.Length), chunk.AsSpan(text.Length), text);
        return text;
    }

    static byte[] Extract(byte[] salt, byte[] suite, string label, byte[] material)
    {
        byte[] name = Encoding.ASCII.GetBytes(label);
        byte[] labelled = [.. "HPKE-v1"u8, .. suite, .. name, .. material];
        return HKDF.Extract(HashAlgorithmName.SHA256, labelled, salt);
    }

    static byte[] Expand(byte[] prk, byte[] suite, string label, byte[] info, int length)
    {
        byte[] version = [0, (byte)length, .. "HPKE-v1"u8];
        byte[] labelled = [.. version, .. suite, .. Encoding.ASCII.GetBytes(label), .. info];
        return HKDF.Expand(HashAlgorithmName.SHA256, prk, length, labelled);
    }
}
