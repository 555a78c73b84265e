package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether all ranks see the same run directory, asked before the first step: hosts without a shared disk would otherwise find out at the first save, when each
 * has written its part of the checkpoint where nobody else sees it.
 */
final class SharedFolderCheck {

    private static final long POLL_MILLIS = 100;

    private SharedFolderCheck() {
    }

    /**
     * The first rank writes a probe, and every rank looks for it and writes a file of its own, for which the first looks.
     *
     * @param folder   as this rank sees it
     * @param all      every rank
     * @param attempt  goes into the probes' names
     * @param host     of this rank, for the report
     * @param patience how long a file may take to show up on another host
     * @throws TrainingException on all ranks, naming the hosts that see something else and what to do
     */
    static void require(Path folder, Communicator all, String attempt, String host, Duration patience) {
        if (all.size() == 1) {
            return;
        }
        Path probe = folder.resolve(".shared-" + attempt);
        String trouble = all.rank() == 0 ? write(probe) : "";
        all.barrier();
        if (all.rank() > 0) {
            trouble = sees(probe, patience) ? write(own(probe, all.rank())) : "does not see it";
        }
        List<byte[]> answers = all.allGather((host + "\n" + trouble).getBytes(StandardCharsets.UTF_8));
        List<String> problems = new ArrayList<>();
        for (int rank = 0; rank < answers.size(); rank++) {
            String[] answer = new String(answers.get(rank), StandardCharsets.UTF_8).split("\n", 2);
            if (!answer[1].isEmpty()) {
                problems.add("rank " + rank + " on " + answer[0] + " " + answer[1]);
            }
        }
        String unseen = all.rank() == 0 && problems.isEmpty() ? unseen(probe, all.size(), patience) : "";
        String firstHost = new String(answers.get(0), StandardCharsets.UTF_8).split("\n", 2)[0];
        byte[] verdict = all.allGather(unseen.getBytes(StandardCharsets.UTF_8)).get(0);
        if (verdict.length > 0) {
            problems.add("rank 0 does not see what " + new String(verdict, StandardCharsets.UTF_8) + " wrote there");
        }
        remove(own(probe, all.rank()));
        if (all.rank() == 0) {
            remove(probe);
        }
        if (!problems.isEmpty()) {
            throw new TrainingException("the run directory " + folder + " is not the same on all ranks: rank 0 on " + firstHost + " wrote a file there, and "
                    + String.join("; ", problems) + ". Each rank saves its part of a checkpoint there, so it must be on a disk that all hosts share (NFS, Lustre, a"
                    + " mounted bucket): mount one at the same path on every host and name a directory on it with --save, or keep all ranks on one host");
        }
    }

    private static Path own(Path probe, int rank) {
        return probe.resolveSibling(probe.getFileName() + "-" + rank);
    }

    private static String write(Path file) {
        try {
            Files.write(file, new byte[0]);
            return "";
        } catch (IOException e) {
            return "cannot write there (" + e + ")";
        }
    }

    private static boolean sees(Path file, Duration patience) {
        long deadline = System.nanoTime() + patience.toNanos();
        while (!Files.exists(file)) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            try {
                Thread.sleep(POLL_MILLIS);
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return true;
    }

    private static String unseen(Path probe, int ranks, Duration patience) {
        List<String> missing = new ArrayList<>();
        for (int rank = 1; rank < ranks; rank++) {
            if (!sees(own(probe, rank), patience)) {
                missing.add("rank " + rank);
            }
        }
        return String.join(", ", missing);
    }

    /** What cannot be removed is an empty file with a name that says what it is. */
    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            org.slf4j.LoggerFactory.getLogger(SharedFolderCheck.class).debug("{} stays: {}", file, e.toString());
        }
    }
}
