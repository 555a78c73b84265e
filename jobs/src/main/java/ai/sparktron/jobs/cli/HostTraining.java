package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.pipeline.spark.CachedData;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.train.RunResult;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Training on one host without Spark, from shards that were prepared elsewhere: what the bundle for GPU hosts does. Every rank is a process of its own, so that
 * a broken device takes nobody else's memory along; this process starts them, introduces them to each other, and when one fails ends the others. There are
 * no restarts: {@code --load} goes on from the newest checkpoint.
 */
final class HostTraining {

    private static final int POLL_MILLIS = 200;

    private final Options options;
    private final Console console;

    HostTraining(Options options, Console console) {
        this.options = options;
        this.console = console;
    }

    /** Whether this class path has no Spark. */
    static boolean isNeeded() {
        try {
            Class.forName("org.apache.spark.sql.SparkSession", false, HostTraining.class.getClassLoader());
            return false;
        } catch (ClassNotFoundException absent) {
            return true;
        }
    }

    /** Runs to the last save. */
    ExitCode run() throws IOException, InterruptedException {
        if (!options.command().trains() || options.data().cachedDataset().isEmpty()) {
            throw new ConfigurationException("there is no Spark here to prepare rows with (org.apache.spark is not on the class path): prepare them where Spark is,"
                    + " with `prepare --output_dir DIR` and the same model and template options, bring DIR here and train with --cached_dataset DIR");
        }
        RunFolders folders = RunFolders.ofTraining(options);
        RunStart.requireWritable(options.derived().save());
        TrainingShards data = TrainingShards.named(options, folders, CachedData.onThisHost(), TrainingShards.codec(options, folders, console));
        RunStart start = RunStart.of(options, folders, data, console);
        console.out().println(RunSummary.of(train(start)));
        return ExitCode.OK;
    }

    private RunResult train(RunStart start) throws IOException, InterruptedException {
        int ranks = options.derived().numRanks();
        List<Process> processes = new ArrayList<>();
        try (ServerSocket door = new ServerSocket(0, ranks, InetAddress.getLoopbackAddress())) {
            door.setSoTimeout(POLL_MILLIS);
            String secret = UUID.randomUUID().toString();
            for (int rank = 0; rank < ranks; rank++) {
                processes.add(launch(door.getLocalPort(), rank));
            }
            return converse(door, processes, new HostRank.Task(start.plan(), start.steps(), ranks, secret));
        } finally {
            end(processes);
        }
    }

    /** The same Java and class path. On a shared GPU each process claims to be another host, which NCCL needs to accept several ranks of one device. */
    private Process launch(int port, int rank) throws IOException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.startsWith("-X") || argument.startsWith("--add") || argument.startsWith("-D")).forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), HostRank.class.getName(), String.valueOf(port), String.valueOf(rank)));
        ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
        if (options.cluster().sharedGpu()) {
            builder.environment().put("NCCL_HOSTID", "rank-" + rank);
            builder.environment().putIfAbsent("NCCL_SOCKET_IFNAME", "lo");
        }
        return builder.start();
    }

    private RunResult converse(ServerSocket door, List<Process> processes, HostRank.Task task) throws IOException, InterruptedException {
        List<Socket> sockets = new ArrayList<>();
        try {
            ObjectInputStream[] in = new ObjectInputStream[processes.size()];
            ObjectOutputStream[] out = new ObjectOutputStream[processes.size()];
            for (int met = 0; met < processes.size(); met++) {
                Socket socket = accept(door, processes);
                sockets.add(socket);
                ObjectOutputStream answers = new ObjectOutputStream(socket.getOutputStream());
                answers.flush();
                ObjectInputStream words = new ObjectInputStream(socket.getInputStream());
                int rank = words.readInt();
                in[rank] = words;
                out[rank] = answers;
                answers.writeObject(task);
                answers.flush();
            }
            introduce(in, out);
            return first(processes, in);
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException("a trainer of another build answered: " + e, e);
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    private static Socket accept(ServerSocket door, List<Process> processes) throws IOException {
        while (true) {
            try {
                return door.accept();
            } catch (SocketTimeoutException nobodyYet) {
                for (int rank = 0; rank < processes.size(); rank++) {
                    if (!processes.get(rank).isAlive()) {
                        throw new CommandException(ExitCode.INFRASTRUCTURE, "trainer " + rank + " ended with code " + processes.get(rank).exitValue()
                                + " before it began; its words are above", null);
                    }
                }
            }
        }
    }

    private static void introduce(ObjectInputStream[] in, ObjectOutputStream[] out) throws IOException, ClassNotFoundException {
        ArrayList<String> addresses = new ArrayList<>();
        for (ObjectInputStream words : in) {
            addresses.add((String) words.readObject());
        }
        for (ObjectOutputStream answers : out) {
            answers.writeObject(addresses);
            answers.flush();
        }
    }

    /** Waits for all; the first failure is the run's. */
    private RunResult first(List<Process> processes, ObjectInputStream[] in) throws InterruptedException {
        HostRank.Ending[] endings = new HostRank.Ending[in.length];
        BlockingQueue<HostRank.Ending> arrived = new LinkedBlockingQueue<>();
        for (int rank = 0; rank < in.length; rank++) {
            int of = rank;
            Thread listener = new Thread(() -> arrived.add(ending(of, in[of], processes.get(of))), "trainer-" + rank);
            listener.setDaemon(true);
            listener.start();
        }
        for (int i = 0; i < endings.length; i++) {
            HostRank.Ending ending = arrived.take();
            endings[ending.rank()] = ending;
            if (ending.failure() != null) {
                throw new CommandException(ending.code(), "trainer " + ending.rank() + ": " + ending.failure(), null);
            }
        }
        return endings[0].result();
    }

    private static HostRank.Ending ending(int rank, ObjectInputStream in, Process process) {
        try {
            return (HostRank.Ending) in.readObject();
        } catch (IOException | ClassNotFoundException gone) {
            String how = "its process is gone";
            try {
                how = process.waitFor(5, TimeUnit.SECONDS) ? "its process ended with code " + process.exitValue() : "it does not speak any more";
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
            return new HostRank.Ending(rank, null, how + "; its last words are above", ExitCode.INFRASTRUCTURE);
        }
    }

    /** Trainers that are through go by themselves; the others after a grace. */
    private void end(List<Process> processes) throws InterruptedException {
        long until = System.nanoTime() + (long) (options.cluster().abortGrace() * 1e9);
        for (Process process : processes) {
            if (!process.waitFor(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS)) {
                process.destroyForcibly();
            }
        }
    }
}
