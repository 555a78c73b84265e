package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
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
 * The ranks of a command on one host without Spark. Every rank is a process of its own, so that a broken device takes nobody else's memory along; this process
 * starts them, introduces them to each other, prints what they tell, and when one fails ends the others.
 */
final class HostProcesses {

    private static final int POLL_MILLIS = 200;

    private final Console console;

    /** @param console gets the ranks' lines */
    HostProcesses(Console console) {
        this.console = console;
    }

    /**
     * Runs a task on as many ranks as its options say.
     *
     * @return what the first rank has in the end
     * @throws CommandException with the first failure of any rank, when all processes have ended
     */
    <R extends Serializable> R run(HostTask<R> task) throws IOException, InterruptedException {
        return new Start<>(task).run();
    }

    /** One start of processes. */
    private final class Start<R extends Serializable> {

        private final HostTask<R> task;
        private final int ranks;
        private final List<Process> processes = new ArrayList<>();

        Start(HostTask<R> task) {
            this.task = task;
            this.ranks = task.options().derived().numRanks();
        }

        R run() throws IOException, InterruptedException {
            try (ServerSocket door = new ServerSocket(0, ranks, InetAddress.getLoopbackAddress())) {
                door.setSoTimeout(POLL_MILLIS);
                for (int rank = 0; rank < ranks; rank++) {
                    processes.add(launch(door.getLocalPort(), rank));
                }
                return converse(door);
            } finally {
                end();
            }
        }

        /** The same Java and class path. On a shared GPU each process claims to be another host, which NCCL needs to accept several ranks of one device. */
        private Process launch(int port, int rank) throws IOException {
            List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
            ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                    .filter(argument -> argument.startsWith("-X") || argument.startsWith("--add") || argument.startsWith("-D")).forEach(command::add);
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), HostRank.class.getName(), String.valueOf(port), String.valueOf(rank)));
            ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
            if (task.options().cluster().sharedGpu()) {
                builder.environment().put("NCCL_HOSTID", "rank-" + rank);
                builder.environment().putIfAbsent("NCCL_SOCKET_IFNAME", "lo");
            }
            return builder.start();
        }

        private R converse(ServerSocket door) throws IOException, InterruptedException {
            List<Socket> sockets = new ArrayList<>();
            HostRank.Introduction introduction = new HostRank.Introduction(task, ranks, UUID.randomUUID().toString());
            try {
                ObjectInputStream[] in = new ObjectInputStream[ranks];
                ObjectOutputStream[] out = new ObjectOutputStream[ranks];
                for (int met = 0; met < ranks; met++) {
                    Socket socket = accept(door);
                    sockets.add(socket);
                    ObjectOutputStream answers = new ObjectOutputStream(socket.getOutputStream());
                    answers.flush();
                    ObjectInputStream words = new ObjectInputStream(socket.getInputStream());
                    int rank = words.readInt();
                    in[rank] = words;
                    out[rank] = answers;
                    answers.writeObject(introduction);
                    answers.flush();
                }
                introduce(in, out);
                return first(in);
            } catch (ClassNotFoundException e) {
                throw new IllegalStateException("a " + task.rankName() + " of another build answered: " + e, e);
            } finally {
                for (Socket socket : sockets) {
                    socket.close();
                }
            }
        }

        private Socket accept(ServerSocket door) throws IOException {
            while (true) {
                try {
                    return door.accept();
                } catch (SocketTimeoutException nobodyYet) {
                    for (int rank = 0; rank < ranks; rank++) {
                        if (!processes.get(rank).isAlive()) {
                            throw new CommandException(ExitCode.INFRASTRUCTURE, task.rankName() + " " + rank + " ended with code " + processes.get(rank).exitValue()
                                    + " before it began; its words are above", null);
                        }
                    }
                }
            }
        }

        private void introduce(ObjectInputStream[] in, ObjectOutputStream[] out) throws IOException, ClassNotFoundException {
            ArrayList<String> addresses = new ArrayList<>();
            for (ObjectInputStream words : in) {
                addresses.add((String) words.readObject());
            }
            for (ObjectOutputStream answers : out) {
                answers.writeObject(addresses);
                answers.flush();
            }
        }

        /** Waits for all; the first failure is the command's. */
        @SuppressWarnings("unchecked")
        private R first(ObjectInputStream[] in) throws InterruptedException {
            HostRank.Ending[] endings = new HostRank.Ending[ranks];
            BlockingQueue<HostRank.Ending> arrived = new LinkedBlockingQueue<>();
            for (int rank = 0; rank < ranks; rank++) {
                int of = rank;
                Thread listener = new Thread(() -> arrived.add(ending(of, in[of])), task.rankName() + "-" + rank);
                listener.setDaemon(true);
                listener.start();
            }
            for (int i = 0; i < ranks; i++) {
                HostRank.Ending ending = arrived.take();
                endings[ending.rank()] = ending;
                if (ending.failure() != null) {
                    throw new CommandException(ending.code(), task.rankName() + " " + ending.rank() + ": " + ending.failure(), null);
                }
            }
            return (R) endings[0].result();
        }

        /** Prints lines until the end. */
        private HostRank.Ending ending(int rank, ObjectInputStream in) {
            try {
                while (true) {
                    Object word = in.readObject();
                    if (word instanceof HostRank.Ending ending) {
                        return ending;
                    }
                    console.out().println((String) word);
                }
            } catch (IOException | ClassNotFoundException gone) {
                String how = "its process is gone";
                try {
                    Process process = processes.get(rank);
                    how = process.waitFor(5, TimeUnit.SECONDS) ? "its process ended with code " + process.exitValue() : "it does not speak any more";
                } catch (InterruptedException ended) {
                    Thread.currentThread().interrupt();
                }
                return new HostRank.Ending(rank, null, how + "; its last words are above", ExitCode.INFRASTRUCTURE);
            }
        }

        /** Ranks that are through go by themselves; the others after a grace. */
        private void end() throws InterruptedException {
            long until = System.nanoTime() + (long) (task.options().cluster().abortGrace() * 1e9);
            for (Process process : processes) {
                if (!process.waitFor(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS)) {
                    process.destroyForcibly();
                }
            }
        }
    }
}
