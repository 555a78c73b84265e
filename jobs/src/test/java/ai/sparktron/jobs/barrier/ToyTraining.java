package ai.sparktron.jobs.barrier;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Storage;
import ai.sparktron.trainer.tensor.Tensor;
import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HexFormat;
import java.util.Map;

/**
 * A small stand-in for training: four weights move by a gradient that is summed over all ranks, checkpoints go to a folder, and one rank may be made to
 * fail. Its result is the bits of the weights.
 */
public record ToyTraining(String folder, int steps, int saveEvery, int stepMillis, Fault fault) implements RankProgram {

    /** What goes wrong. */
    public enum Kind {
        NONE, THROW, WRONG_OPTION, EXIT, KILL, STOP, RETURN, IGNORE_INTERRUPTS_WHILE_ANOTHER_THROWS, MISMATCH
    }

    /** @param attempts fails in attempts up to this one */
    public record Fault(Kind kind, int rank, int step, int attempts) implements Serializable {
    }

    public static final Fault NO_FAULT = new Fault(Kind.NONE, 0, 0, 0);

    @Override
    public String run(RankEnvironment environment) throws Exception {
        Communicator all = environment.world().all("all");
        ByteBuffer memory = ByteBuffer.allocateDirect(32).order(ByteOrder.nativeOrder());
        Tensor gradient = Tensor.of("gradient", DType.F64, Shape.of(4), new Block(memory), 0);
        double[] weights = {1, 2, 3, 4};
        int step = load(environment, weights);
        environment.log("rank " + environment.rank() + " starts after step " + step);
        while (step < steps) {
            step++;
            misbehave(environment, step, all);
            for (int i = 0; i < 4; i++) {
                memory.putDouble(i * 8, Math.sin(weights[i] * (environment.rank() + 1) + step));
            }
            all.allReduce(gradient, Reduction.SUM);
            for (int i = 0; i < 4; i++) {
                weights[i] -= 0.01 * memory.getDouble(i * 8);
            }
            Thread.sleep(stepMillis);
            environment.progress(new Progress(step, steps, "step", Map.of("loss", weights[0])));
            if (step % saveEvery == 0) {
                save(environment, step, weights, all);
            }
        }
        environment.log("rank " + environment.rank() + " is through");
        return bits(weights);
    }

    private static String bits(double[] weights) {
        ByteBuffer bytes = ByteBuffer.allocate(32);
        for (double weight : weights) {
            bytes.putDouble(weight);
        }
        return HexFormat.of().formatHex(bytes.array());
    }

    private static int load(RankEnvironment environment, double[] weights) throws IOException {
        if (environment.resumeFrom().isEmpty()) {
            return 0;
        }
        String[] parts = Files.readString(Path.of(environment.resumeFrom().get())).split(" ");
        ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(parts[1]));
        for (int i = 0; i < 4; i++) {
            weights[i] = bytes.getDouble();
        }
        return Integer.parseInt(parts[0]);
    }

    private void save(RankEnvironment environment, int step, double[] weights, Communicator all) throws IOException {
        if (environment.rank() == 0) {
            Path temporary = Path.of(folder, "step-" + step + ".tmp." + environment.attemptId());
            Path target = Path.of(folder, "step-" + step);
            Files.writeString(temporary, step + " " + bits(weights));
            environment.checkMayCommit();
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            environment.committed(step, target.toString());
        }
        all.barrier();
    }

    private void misbehave(RankEnvironment environment, int step, Communicator all) throws Exception {
        if (step != fault.step() || environment.attempt() > fault.attempts()) {
            return;
        }
        if (fault.kind() == Kind.IGNORE_INTERRUPTS_WHILE_ANOTHER_THROWS && environment.rank() != fault.rank()) {
            long end = System.nanoTime() + 60_000_000_000L;
            while (System.nanoTime() < end) {
                Thread.onSpinWait();
            }
        }
        if (environment.rank() != fault.rank()) {
            return;
        }
        environment.log("about to " + fault.kind());
        switch (fault.kind()) {
            case NONE -> { }
            case THROW, IGNORE_INTERRUPTS_WHILE_ANOTHER_THROWS -> throw new IllegalStateException("a fault made for the test");
            case WRONG_OPTION -> throw new IllegalArgumentException("hidden_size is 7, expected a multiple of 8");
            case EXIT -> System.exit(7);
            case KILL -> signal("-KILL");
            case STOP -> signal("-STOP");
            case RETURN -> throw new EarlyReturn();
            case MISMATCH -> all.barrier();
        }
    }

    /** Unwinds to {@link Returning}. */
    static final class EarlyReturn extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** A program that returns where the toy asks for it. */
    public record Returning(ToyTraining toy) implements RankProgram {
        @Override
        public String run(RankEnvironment environment) throws Exception {
            try {
                return toy.run(environment);
            } catch (EarlyReturn now) {
                return "too early";
            }
        }
    }

    private static void signal(String signal) throws Exception {
        new ProcessBuilder("kill", signal, String.valueOf(ProcessHandle.current().pid())).start().waitFor();
        Thread.sleep(60_000);
    }

    private record Block(ByteBuffer bytes) implements Storage {
        @Override
        public long address() {
            return 4096;
        }

        @Override
        public long sizeBytes() {
            return bytes.capacity();
        }

        @Override
        public Object view(long byteOffset, long sizeBytes) {
            return bytes.slice((int) byteOffset, (int) sizeBytes).order(ByteOrder.nativeOrder());
        }

        @Override
        public void close() {
            throw new IllegalStateException("left to the collector");
        }
    }
}
