package ai.sparktron.jobs.barrier;

import java.util.ArrayList;
import java.util.List;

/**
 * Where a rank runs.
 *
 * @param rank      logical rank
 * @param partition of the Spark task
 * @param host      as Spark names it
 * @param executor  Spark's executor id
 * @param pid       process id
 * @param gpu       addresses of the task's GPUs joined by commas, empty where Spark gave none
 */
public record RankPlace(int rank, int partition, String host, String executor, long pid, String gpu) {

    String encode() {
        return String.join("\t", String.valueOf(rank), String.valueOf(partition), host, executor, String.valueOf(pid), gpu);
    }

    static RankPlace decode(String text) {
        List<String> parts = new ArrayList<>(List.of(text.split("\t", -1)));
        return new RankPlace(Integer.parseInt(parts.get(0)), Integer.parseInt(parts.get(1)), parts.get(2), parts.get(3), Long.parseLong(parts.get(4)),
                parts.get(5));
    }

    /** For reports. */
    @Override
    public String toString() {
        return "rank " + rank + " (host " + host + ", executor " + executor + ", pid " + pid + ", GPU " + (gpu.isEmpty() ? "none" : gpu) + ")";
    }
}
