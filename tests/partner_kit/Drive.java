import java.nio.file.*;
import java.security.*;
import java.util.*;

/** As drive.py: java -cp CLASSES Drive MODULE CASES; there is one module. */
class Drive {
    public static void main(String[] args) throws Exception {
        var keys = new HashMap<String, Map<String, PrivateKey>>();
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            List<String> fields = List.of(line.split("\t"));
            try {
                String file = fields.get(1);
                if (!keys.containsKey(file)) keys.put(file, Main.readKeys(Path.of(file)));
                byte[] envelope = Files.readAllBytes(Path.of(fields.get(0)));
                List<String> request = fields.subList(2, fields.size());
                byte[] body = Receive.receive(envelope, keys.get(file), request);
                byte[] digest = MessageDigest.getInstance("SHA-256").digest(body);
                System.out.println(HexFormat.of().formatHex(digest));
            } catch (Exception why) {
                System.out.println("refused: " + why.toString().lines().findFirst().orElse(""));
            }
        }
    }
}
