import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;

/** As drive.py: java -cp CLASSES Drive MODULE CASES KEY.pem…; there is one module. */
class Drive {
    public static void main(String[] args) throws Exception {
        Path[] files = Arrays.stream(args).skip(2).map(Path::of).toArray(Path[]::new);
        var keys = Main.readKeys(files);
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            List<String> fields = List.of(line.split("\t"));
            try {
                byte[] envelope = Files.readAllBytes(Path.of(fields.get(0)));
                byte[] body = Receive.receive(envelope, keys, fields.subList(1, fields.size()));
                byte[] digest = MessageDigest.getInstance("SHA-256").digest(body);
                System.out.println(HexFormat.of().formatHex(digest));
            } catch (Exception why) {
                System.out.println("refused: " + why.toString().lines().findFirst().orElse(""));
            }
        }
    }
}
