package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.trainer.config.ConfigurationException;
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
import java.util.stream.Stream;

/** {@code verify DIR}. */
final class VerifyCommand {

    private final Options options;
    private final Console console;

    VerifyCommand(Options options, Console console) {
        this.options = options;
        this.console = console;
    }

    ExitCode run() throws IOException {
        VerifyOptions verify = options.verify();
        Path directory = Path.of(verify.caseDirectory().orElseThrow());
        if (!Files.isDirectory(directory)) {
            throw new ConfigurationException("there is no directory " + directory + " with a reference case");
        }
        if (Files.exists(directory.resolve("config.json"))) {
            ModelShape.require(options, ConfigReader.read(directory));
        }
        Mesh mesh = RunSetup.mesh(options, options.derived().numRanks());
        Verification.Settings settings = new Verification.Settings(mesh, RunSetup.planSettings(options), verify.microBatchSize(), RunSetup.recompute(options),
                RunSetup.chunkBytes(options), verify.write().map(Path::of).orElse(null), Precision.asked(options.precision(), DType.F32), tolerances(verify));
        return new Verification(Engines.of(options), settings).run(directory, console.out()).passed() ? ExitCode.OK : ExitCode.CONFIGURATION;
    }

    /** Those that are asked for; else what is verified decides by its type. */
    private Verification.Tolerances tolerances(VerifyOptions verify) {
        boolean asked = Stream.of("logits_tolerance", "loss_tolerance", "gradient_tolerance", "trajectory_tolerance").anyMatch(options::given);
        return asked ? new Verification.Tolerances(verify.logitsTolerance(), verify.lossTolerance(), verify.gradientTolerance(), verify.trajectoryTolerance()) : null;
    }
}
