package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.trainer.checkpoint.SavedCheckpoint;
import ai.sparktron.trainer.comm.CommunicationException;
import ai.sparktron.trainer.comm.SelfWorld;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.comm.socket.SocketSettings;
import ai.sparktron.trainer.comm.socket.SocketWorld;
import ai.sparktron.trainer.data.ShardFiles;
import ai.sparktron.trainer.train.RankContext;
import ai.sparktron.trainer.train.RunListener;
import ai.sparktron.trainer.train.RunPlan;
import ai.sparktron.trainer.train.RunResult;
import ai.sparktron.trainer.train.TrainRun;
import ai.sparktron.trainer.train.metrics.EvaluationMetrics;
import ai.sparktron.trainer.train.metrics.StepMetrics;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;

/** One rank of {@link HostTraining}, in a process of its own. */
final class HostRank {

    /**
     * What all ranks are told.
     *
     * @param plan   what to do
     * @param steps  optimizer steps
     * @param ranks  number of ranks
     * @param secret that their sockets show each other
     */
    record Task(RunPlan plan, long steps, int ranks, String secret) implements Serializable {
    }

    /**
     * How a rank ended.
     *
     * @param result  of a rank that came to the end
     * @param failure message of one that did not, otherwise null
     * @param code    whose turn it is after a failure
     */
    record Ending(int rank, RunResult result, String failure, ExitCode code) implements Serializable {
    }

    private HostRank() {
    }

    /** @param arguments port of {@link HostTraining} on this host, rank */
    public static void main(String[] arguments) throws Exception {
        int rank = Integer.parseInt(arguments[1]);
        try (Socket parent = new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[0]))) {
            ObjectOutputStream out = new ObjectOutputStream(parent.getOutputStream());
            out.writeInt(rank);
            out.flush();
            ObjectInputStream in = new ObjectInputStream(parent.getInputStream());
            Ending ending = run((Task) in.readObject(), rank, in, out);
            out.writeObject(ending);
            out.flush();
        }
        System.out.flush();
        // Threads of native libraries must not keep a process whose word is given.
        Runtime.getRuntime().halt(0);
    }

    private static Ending run(Task task, int rank, ObjectInputStream in, ObjectOutputStream out) {
        try (World world = join(task, rank, in, out)) {
            try {
                boolean shared = task.plan().options().cluster().sharedGpu();
                RankContext context = new RankContext(world, Engines.worlds(task.plan().options()), ShardFiles.LOCAL, Engines.of(task.plan().options()),
                        shared ? 0 : rank, "host-" + task.secret().substring(0, 8), false, new Lines(rank));
                return new Ending(rank, new TrainRun(task.plan(), context).run(), null, ExitCode.OK);
            } catch (RuntimeException | Error failure) {
                world.abort(failure);
                throw failure;
            }
        } catch (RuntimeException | Error failure) {
            Failure meaning = Failure.of(failure);
            if (meaning.unforeseen()) {
                failure.printStackTrace();
            }
            return new Ending(rank, null, meaning.message(), meaning.code());
        }
    }

    private static World join(Task task, int rank, ObjectInputStream in, ObjectOutputStream out) {
        if (task.ranks() == 1) {
            exchange(in, out, "alone");
            return new SelfWorld();
        }
        Duration limit = Duration.ofMillis((long) (task.plan().options().derived().collectiveTimeoutSeconds() * 1_000));
        Duration start = Duration.ofMillis((long) (task.plan().options().cluster().startTimeout() * 1_000));
        return SocketWorld.join(rank, task.ranks(), value -> exchange(in, out, value), new SocketSettings("127.0.0.1", task.secret(), start, limit));
    }

    @SuppressWarnings("unchecked")
    private static List<String> exchange(ObjectInputStream in, ObjectOutputStream out, String value) {
        try {
            out.writeObject(value);
            out.flush();
            return (List<String>) in.readObject();
        } catch (IOException | ClassNotFoundException gone) {
            throw new CommunicationException("the process that started this trainer does not answer: another trainer failed, or it was ended", gone);
        }
    }

    /** Lines of the first rank, and of others with their number. */
    private record Lines(int rank) implements RunListener {

        @Override
        public void line(String text) {
            System.out.println(rank == 0 ? text : "[rank " + rank + "] " + text);
        }

        @Override
        public void phase(long iteration, String phase) {
            // Nobody watches: a rank that is late is found by the limit of its collectives.
        }

        @Override
        public void step(StepMetrics metrics) {
            // Its line is printed by the trainer.
        }

        @Override
        public void evaluation(EvaluationMetrics metrics) {
            // Likewise.
        }

        @Override
        public void saved(SavedCheckpoint checkpoint) {
            System.out.println("checkpoint of step " + checkpoint.manifest().iteration() + ": " + checkpoint.directory());
        }
    }
}
