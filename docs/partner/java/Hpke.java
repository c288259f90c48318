import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.security.*;
import java.security.spec.*;
import java.util.Arrays;
import javax.crypto.*;
import javax.crypto.spec.*;

/** A receiver's context of HPKE (RFC 9180) in base mode, on the JDK alone (17 or later). */
class Hpke {
    private final byte[] key, nonce;
    private long number;

    /** Sections 4.1 and 5.1, for X25519, HKDF-SHA256 and ChaCha20-Poly1305. */
    Hpke(PrivateKey secret, byte[] enc, byte[] info) throws GeneralSecurityException {
        byte[] kem = {'K', 'E', 'M', 0, 32}, suite = {'H', 'P', 'K', 'E', 0, 32, 0, 1, 0, 3};
        byte[] none = {}, eae = extract(none, kem, "eae_prk", agree(secret, enc));
        byte[] shared = expand(eae, kem, "shared_secret", join(enc, publicKey(secret)), 32);
        byte[] psk = extract(none, suite, "psk_id_hash", none);
        byte[] context = join(new byte[1], psk, extract(none, suite, "info_hash", info));
        byte[] prk = extract(shared, suite, "secret", none);
        key = expand(prk, suite, "key", context, 32);
        nonce = expand(prk, suite, "base_nonce", context, 12);
    }

    /** Opens the next chunk (section 5.2): its nonce is the base nonce XOR its number. */
    byte[] open(byte[] bytes, int at, int length) throws GeneralSecurityException {
        ByteBuffer own = ByteBuffer.wrap(nonce.clone());
        own.putLong(4, own.getLong(4) ^ number++);
        Cipher cipher = Cipher.getInstance("ChaCha20-Poly1305");
        var as = new SecretKeySpec(key, "ChaCha20");
        cipher.init(Cipher.DECRYPT_MODE, as, new IvParameterSpec(own.array()));
        return cipher.doFinal(bytes, at, length);
    }

    /** The public key: the private one times the base point 9 (RFC 7748). */
    static byte[] publicKey(PrivateKey secret) throws GeneralSecurityException {
        return agree(secret, Arrays.copyOf(new byte[] {9}, 32));
    }

    private static byte[] agree(PrivateKey secret, byte[] open) throws GeneralSecurityException {
        byte[] x = new byte[32];
        for (int n = 0; n < 32; n++) x[n] = open[31 - n];
        var spec = new XECPublicKeySpec(NamedParameterSpec.X25519, new BigInteger(1, x));
        KeyAgreement agreement = KeyAgreement.getInstance("X25519");
        agreement.init(secret);
        agreement.doPhase(KeyFactory.getInstance("X25519").generatePublic(spec), true);
        return agreement.generateSecret();
    }

    private static byte[] extract(byte[] salt, byte[] suite, String label, byte[] material)
            throws GeneralSecurityException {
        byte[] labelled = join("HPKE-v1".getBytes(), suite, label.getBytes(), material);
        return hmac(salt.length == 0 ? new byte[32] : salt, labelled);
    }

    private static byte[] expand(byte[] prk, byte[] suite, String label, byte[] info, int length)
            throws GeneralSecurityException {
        byte[] size = {0, (byte) length}, one = {1};
        byte[] version = "HPKE-v1".getBytes();
        byte[] block = hmac(prk, join(size, version, suite, label.getBytes(), info, one));
        return Arrays.copyOf(block, length);
    }

    private static byte[] hmac(byte[] key, byte[] bytes) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(bytes);
    }

    private static byte[] join(byte[]... parts) {
        ByteBuffer whole = ByteBuffer.allocate(Arrays.stream(parts).mapToInt(p -> p.length).sum());
        for (byte[] part : parts) whole.put(part);
        return whole.array();
    }
}
