package ai.sparktron.trainer.comm.socket;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What an abort tells the peers.
 *
 * @param origin   world rank that aborted first, -1 for the sender
 * @param suspects ranks that the cause points to
 * @param message  the cause in words
 */
record AbortText(int origin, List<Integer> suspects, String message) {

    static AbortText of(Throwable cause) {
        return new AbortText(-1, List.of(), String.valueOf(cause));
    }

    byte[] encode() {
        String ranks = suspects.stream().map(String::valueOf).collect(Collectors.joining(","));
        return (origin + "\n" + ranks + "\n" + message).getBytes(StandardCharsets.UTF_8);
    }

    static AbortText decode(byte[] bytes) {
        String[] parts = new String(bytes, StandardCharsets.UTF_8).split("\n", 3);
        List<Integer> ranks = parts[1].isEmpty() ? List.of() : Arrays.stream(parts[1].split(",")).map(Integer::valueOf).toList();
        return new AbortText(Integer.parseInt(parts[0]), ranks, parts[2]);
    }
}
