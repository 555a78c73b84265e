package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Milliseconds of one training step of {@link MiniLlama} (1,024 tokens) on one core; afterwards, which kernels took them. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(value = 1, jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "-Xmx2g"})
public class TrainingStepBenchmark {

    @Param("HOST")
    Nd4jEngines.Face face;

    private final KernelTimes times = new KernelTimes();
    private Engine engine;
    private MiniLlama model;
    private int steps;

    @Setup
    public void open() {
        engine = Nd4jEngines.open(face);
        model = new MiniLlama(times.around(engine));
    }

    @Setup(Level.Iteration)
    public void clear() {
        times.clear();
        steps = 0;
    }

    @Benchmark
    public float step() {
        steps++;
        return model.step();
    }

    @TearDown
    public void report() {
        System.out.printf("%n%s, processor time a step:%n%s", engine.description(), times.report(steps));
        model.close();
        engine.close();
    }
}
