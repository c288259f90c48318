import static com.fasterxml.jackson.core.JsonParser.Feature.STRICT_DUPLICATE_DETECTION;
import static com.fasterxml.jackson.databind.DeserializationFeature.FAIL_ON_TRAILING_TOKENS;
import static java.nio.charset.StandardCharsets.*;

import com.fasterxml.jackson.databind.*;
import java.nio.ByteBuffer;
import java.security.*;
import java.util.*;
import java.util.stream.Stream;

/** Opens an OTK1 envelope of mode 1 (direct) and KEM 32 (X25519), of any size. */
class Receive {
    static final ObjectMapper JSON = new ObjectMapper()
        .enable(STRICT_DUPLICATE_DETECTION).enable(FAIL_ON_TRAILING_TOKENS);

    static void check(boolean good, String why) { if (!good) throw new SecurityException(why); }

    /** The body, by the private keys under their ids; the request is ISS, AUD, METHOD, PATH, ID. */
    static byte[] receive(byte[] envelope, Map<String, PrivateKey> keys, List<String> request)
            throws Exception {
        int end = envelope.length < 56 ? 0 : 8 + ByteBuffer.wrap(envelope).getChar(6);
        boolean mode1 = end > 0 && new String(envelope, 0, 6, ISO_8859_1).equals("OTK1\1\0");
        check(mode1 && end <= Math.min(8200, envelope.length - 48), "not an envelope of mode 1");
        var text = UTF_8.newDecoder().decode(ByteBuffer.wrap(envelope, 8, end - 8)).toString();
        JsonNode header = JSON.readTree(text), to = header.path("rcpt").path(0);
        var asked = Stream.of("iss", "aud", "m", "p", "did").map(m -> header.path(m).textValue());
        check(asked.toList().equals(request), "for another request");
        var ours = Map.of("kid", to.path("kid").asText(), "kem", 32, "kdf", 1, "aead", 3);
        boolean suite = JSON.valueToTree(List.of(ours)).equals(header.get("rcpt"));
        PrivateKey key = keys.get(to.path("kid").asText());
        check(suite && key != null && header.path("v").asInt() == 1, "for another key or suite");
        byte[] prefix = MessageDigest.getInstance("SHA-256").digest(Arrays.copyOf(envelope, end));
        byte[] info = ByteBuffer.allocate(44).put("OTK1 direct\0".getBytes()).put(prefix).array();
        check((envelope.length - end - 32) % 16400 >= 16, "cut off"); // the last is never full
        var context = new Hpke(key, Arrays.copyOfRange(envelope, end, end + 32), info);
        ByteBuffer body = ByteBuffer.allocate(envelope.length);
        for (int at = end + 32; at < envelope.length; at += 16400)
            body.put(context.open(envelope, at, Math.min(16400, envelope.length - at)));
        int length = body.position();
        boolean pad = header.path("pad").asBoolean();
        while (pad && length > 0 && body.get(--length) == 0);
        check(!pad || body.get(length) == (byte) 0x80, "wrong padding");
        return Arrays.copyOf(body.array(), length);
    }
}
