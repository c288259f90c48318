import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.*;

/** java -cp CLASSES Main KEY.pem ISS AUD METHOD PATH ID < envelope > body */
public class Main {
    public static void main(String[] args) throws Exception {
        try {
            var keys = readKeys(Path.of(args[0]));
            List<String> request = List.of(args).subList(1, args.length);
            System.out.write(Receive.receive(System.in.readAllBytes(), keys, request));
            System.out.flush();
        } catch (Exception why) {
            System.err.println("refused: " + why.toString().lines().findFirst().orElse(""));
            System.exit(1);
        }
    }

    /** The keys by their ids, as {@code receive} takes them. */
    static Map<String, PrivateKey> readKeys(Path... files) throws Exception {
        var keys = new HashMap<String, PrivateKey>();
        for (Path file : files) {
            String text = Files.readString(file).replaceAll("-----[A-Z ]+-----|\\s", "");
            var spec = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text));
            PrivateKey key = KeyFactory.getInstance("X25519").generatePrivate(spec);
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(Hpke.publicKey(key));
            byte[] half = Arrays.copyOf(digest, 16);
            keys.put(Base64.getUrlEncoder().withoutPadding().encodeToString(half), key);
        }
        return keys;
    }
}
