package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.trainer.comm.CommunicationException;
import ai.sparktron.trainer.comm.SelfWorld;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.comm.socket.SocketSettings;
import ai.sparktron.trainer.comm.socket.SocketWorld;
import ai.sparktron.trainer.config.Options;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;

/** One rank of {@link HostProcesses}, in a process of its own. */
final class HostRank {

    /**
     * What all ranks are told.
     *
     * @param task   what to do
     * @param ranks  number of ranks
     * @param secret that their sockets show each other
     */
    record Introduction(HostTask<?> task, int ranks, String secret) implements Serializable {
    }

    /**
     * How a rank ended.
     *
     * @param result  of a rank that came to the end
     * @param failure message of one that did not, otherwise null
     * @param code    whose turn it is after a failure
     */
    record Ending(int rank, Serializable result, String failure, ExitCode code) implements Serializable {
    }

    private HostRank() {
    }

    /** @param arguments port of {@link HostProcesses} on this host, rank */
    public static void main(String[] arguments) throws Exception {
        int rank = Integer.parseInt(arguments[1]);
        int status = 0;
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[0]))) {
            Parent parent = new Parent(socket, rank);
            parent.tell(run((Introduction) parent.hear(), rank, parent));
        } catch (CommunicationException nobodyHears) {
            System.err.println("rank " + rank + ": " + nobodyHears.getMessage());
            status = 1;
        }
        System.out.flush();
        // Threads of native libraries must not keep a process that has nothing more to say.
        Runtime.getRuntime().halt(status);
    }

    private static Ending run(Introduction introduction, int rank, Parent parent) {
        try (World world = join(introduction, rank, parent)) {
            HostTask<?> task = introduction.task();
            try {
                int device = task.options().cluster().sharedGpu() ? 0 : rank;
                HostPlace place = new HostPlace(world, device, "host-" + introduction.secret().substring(0, 8), parent::tell);
                return new Ending(rank, task.run(place), null, ExitCode.OK);
            } catch (IOException | RuntimeException | Error failure) {
                world.abort(failure);
                throw failure;
            }
        } catch (IOException | RuntimeException | Error failure) {
            Failure meaning = Failure.of(failure);
            if (meaning.unforeseen()) {
                failure.printStackTrace();
            }
            return new Ending(rank, null, meaning.message(), meaning.code());
        }
    }

    private static World join(Introduction introduction, int rank, Parent parent) {
        if (introduction.ranks() == 1) {
            parent.exchange("alone");
            return new SelfWorld();
        }
        Options options = introduction.task().options();
        Duration limit = Duration.ofMillis((long) (options.derived().collectiveTimeoutSeconds() * 1_000));
        Duration start = Duration.ofMillis((long) (options.cluster().startTimeout() * 1_000));
        return SocketWorld.join(rank, introduction.ranks(), parent::exchange, new SocketSettings("127.0.0.1", introduction.secret(), start, limit));
    }

    /** The process that started this one: it hears lines and at last an {@link Ending}. */
    private static final class Parent {

        private static final String GONE = "the process that started this one does not answer: another rank failed, or it was ended";

        private final ObjectOutputStream out;
        private final ObjectInputStream in;

        Parent(Socket socket, int rank) throws IOException {
            out = new ObjectOutputStream(socket.getOutputStream());
            out.writeInt(rank);
            out.flush();
            in = new ObjectInputStream(socket.getInputStream());
        }

        synchronized void tell(Serializable word) {
            try {
                out.writeObject(word);
                // Both ends would keep every line of a long run.
                out.reset();
                out.flush();
            } catch (IOException gone) {
                throw new CommunicationException(GONE, gone);
            }
        }

        Object hear() {
            try {
                return in.readObject();
            } catch (IOException | ClassNotFoundException gone) {
                throw new CommunicationException(GONE, gone);
            }
        }

        @SuppressWarnings("unchecked")
        List<String> exchange(String value) {
            tell(value);
            return (List<String>) hear();
        }
    }
}
