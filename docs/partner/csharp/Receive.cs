using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Org.BouncyCastle.Crypto.Parameters;

/// <summary>Opens an OTK1 envelope of mode 1 (direct) and KEM 32 (X25519), of any size.</summary>
static class Receiver
{
    static void Check(bool good, string why)
    {
        if (!good) throw new CryptographicException(why);
    }

    /// <summary>
    /// The body, by the private keys under their ids; the request is ISS, AUD, METHOD, PATH, ID.
    /// </summary>
    public static byte[] Receive(
        byte[] envelope, Dictionary<string, X25519PrivateKeyParameters> keys, string[] request)
    {
        Check(envelope.Length >= 56, "not an envelope");
        int end = 8 + BinaryPrimitives.ReadUInt16BigEndian(envelope.AsSpan(6));
        bool mode1 = envelope.AsSpan(0, 6).SequenceEqual("OTK1\u0001\0"u8);
        Check(mode1 && end <= Math.Min(8200, envelope.Length - 48), "not an envelope of mode 1");
        string text = new UTF8Encoding(false, true).GetString(envelope, 8, end - 8);
        var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
        using JsonDocument json = JsonDocument.Parse(text, options);
        JsonElement header = json.RootElement, rcpt = header.GetProperty("rcpt"), to = rcpt[0];
        string Text(string name) => header.GetProperty(name).GetString()!;
        string[] asked = [Text("iss"), Text("aud"), Text("m"), Text("p"), Text("did")];
        Check(asked.SequenceEqual(request), "for another request");
        int Number(string name) => to.GetProperty(name).GetInt32();
        int[] suite = [Number("kem"), Number("kdf"), Number("aead"), rcpt.GetArrayLength()];
        bool known = keys.TryGetValue(to.GetProperty("kid").GetString()!, out var key);
        bool version = header.GetProperty("v").GetInt32() == 1;
        Check(version && known && suite.SequenceEqual([32, 1, 3, 1]), "for another key or suite");
        byte[] info = [.. "OTK1 direct\0"u8, .. SHA256.HashData(envelope.AsSpan(0, end))];
        Check((envelope.Length - end - 32) % 16400 >= 16, "cut off"); // the last is never full
        var context = new Hpke(key!, envelope[end..(end + 32)], info);
        byte[][] chunks = [.. envelope[(end + 32)..].Chunk(16400).Select(context.Open)];
        byte[] body = [.. chunks.SelectMany(chunk => chunk)];
        if (!header.TryGetProperty("pad", out JsonElement pad) || !pad.GetBoolean()) return body;
        int mark = Array.FindLastIndex(body, octet => octet != 0);
        Check(mark >= 0 && body[mark] == 0x80, "wrong padding");
        return body[..mark];
    }
}
