package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.EngineOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.config.VerifyOptions;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.train.ModelShape;
import ai.sparktron.trainer.train.Precision;
import ai.sparktron.trainer.train.RunSetup;
import ai.sparktron.trainer.verify.Verification;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** {@code verify DIR ...}. Of several cases, those that do not go with the grid are told, and the others run; a single one is refused. */
final class VerifyCommand {

    /** What ranks are. */
    enum Ranks {
        /** Threads of this process, whose tensors lie in host memory. */
        THREADS,
        /** Processes of their own, which NCCL needs for ranks that share a GPU. */
        PROCESSES
    }

    private final Options options;
    private final Console console;

    VerifyCommand(Options options, Console console) {
        this.options = options;
        this.console = console;
    }

    ExitCode run() throws IOException, InterruptedException {
        boolean threads = options.engine().engine() == EngineOptions.Engine.ND4J || options.derived().numRanks() == 1;
        return run(threads ? Ranks.THREADS : Ranks.PROCESSES);
    }

    ExitCode run(Ranks ranks) throws IOException, InterruptedException {
        List<Path> cases = options.verify().cases().stream().map(Path::of).toList();
        List<Path> fitting = fitting(cases);
        boolean passed = fitting.size() == cases.size();
        switch (ranks) {
            case THREADS -> {
                for (Path directory : fitting) {
                    passed &= verification(options).run(directory, console.out()).passed();
                }
            }
            case PROCESSES -> {
                ArrayList<String> names = new ArrayList<>(fitting.stream().map(Path::toString).toList());
                passed &= names.isEmpty() || new HostProcesses(console).run(new HostVerification(options, names));
            }
        }
        return passed ? ExitCode.OK : ExitCode.CONFIGURATION;
    }

    /** Those that go with the grid; the others are told by the option that is in their way. */
    private List<Path> fitting(List<Path> cases) throws IOException {
        List<Path> fitting = new ArrayList<>();
        for (Path directory : cases) {
            if (!Files.isDirectory(directory)) {
                throw new ConfigurationException("there is no directory " + directory + " with a reference case");
            }
            if (Files.exists(directory.resolve("config.json"))) {
                ModelShape.require(options, ConfigReader.read(directory));
            }
            Optional<String> refusal = verification(options).refusal(directory);
            if (refusal.isEmpty()) {
                fitting.add(directory);
            } else if (cases.size() == 1) {
                throw new ConfigurationException(refusal.get());
            } else {
                console.out().println("verify " + directory + ": does not go with this grid: " + refusal.get());
            }
        }
        return fitting;
    }

    /** What verifies a case as the options say. */
    static Verification verification(Options options) {
        VerifyOptions verify = options.verify();
        Mesh mesh = RunSetup.mesh(options, options.derived().numRanks());
        Verification.Settings settings = new Verification.Settings(mesh, RunSetup.planSettings(options), verify.microBatchSize(), RunSetup.recompute(options),
                RunSetup.chunkBytes(options), verify.write().map(Path::of).orElse(null), Precision.asked(options.precision(), DType.F32), tolerances(options));
        return new Verification(Engines.of(options), settings);
    }

    /** Those that are asked for; else what is verified decides by its type. */
    private static Verification.Tolerances tolerances(Options options) {
        VerifyOptions verify = options.verify();
        boolean asked = Stream.of("logits_tolerance", "loss_tolerance", "gradient_tolerance", "trajectory_tolerance").anyMatch(options::given);
        return asked ? new Verification.Tolerances(verify.logitsTolerance(), verify.lossTolerance(), verify.gradientTolerance(), verify.trajectoryTolerance()) : null;
    }
}
