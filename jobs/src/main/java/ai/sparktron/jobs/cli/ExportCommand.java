package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.pipeline.tokenize.TokenizerFile;
import ai.sparktron.trainer.checkpoint.CheckpointManifest;
import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.ExportOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.convert.FolderWeights;
import ai.sparktron.trainer.convert.HuggingFaceExporter;
import ai.sparktron.trainer.convert.PrecisionTest;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.tensor.DType;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * {@code export}. A training checkpoint holds its weights in Hugging Face layout, so both directions move tensors piece by piece and no model is ever
 * whole in memory; {@code test_convert_precision} then runs both.
 */
final class ExportCommand {

    private static final String PROBE = "Who are you? 你是谁? def f(x): return x ** 2 + 1";
    /** Megatron-SWIFT's converted checkpoints carry this iteration. */
    private static final long CONVERTED_ITERATION = 1;

    private final Options options;
    private final Console console;

    ExportCommand(Options options, Console console) {
        this.options = options;
        this.console = console;
    }

    ExitCode run() throws IOException {
        ExportOptions export = options.export();
        Path source = export.toHf()
                ? CheckpointStore.open(Path.of(export.mcoreModel().orElseThrow())).directory()
                : ModelFolder.model(options.model(), ModelFolder.Weights.NEEDED);
        Path target = export.outputDir().map(Path::of).orElseGet(() -> defaultTarget(source)).toAbsolutePath().normalize();
        if (Files.exists(target) && !export.existOk()) {
            throw new ConfigurationException("--output_dir " + target + " exists already; name another directory, or give --exist_ok true");
        }
        ModelConfig config = ConfigReader.read(source);
        Path result = export.toHf() ? toHuggingFace(source, target, config) : toCheckpoint(source, target, config);
        console.out().println("written: " + result);
        return export.testConvertPrecision() ? compare(source, result, config) : ExitCode.OK;
    }

    private Path defaultTarget(Path source) {
        return source.resolveSibling(source.getFileName() + (options.export().toMcore() ? "-mcore" : "-hf"));
    }

    private Path toHuggingFace(Path source, Path target, ModelConfig config) throws IOException {
        HuggingFaceExporter exporter = exporter(source, config);
        try (FolderWeights weights = FolderWeights.open(source, config)) {
            if (Files.exists(target)) {
                exporter.write(target, weights);
            } else {
                exporter.export(target, weights);
            }
        }
        return target;
    }

    private Path toCheckpoint(Path source, Path target, ModelConfig config) throws IOException {
        CheckpointStore store = new CheckpointStore(target);
        Path temporary = store.begin(CONVERTED_ITERATION, "export");
        Files.createDirectories(CheckpointStore.stateDirectory(temporary, CONVERTED_ITERATION));
        try (FolderWeights weights = FolderWeights.open(source, config)) {
            exporter(source, config).write(temporary, weights);
        }
        return store.commit(temporary, new CheckpointManifest(CheckpointManifest.FORMAT, CheckpointManifest.VERSION, CONVERTED_ITERATION, 0, 0, 0, 1, false,
                JsonNodeFactory.instance.objectNode(), List.of())).directory();
    }

    private HuggingFaceExporter exporter(Path source, ModelConfig config) {
        return new HuggingFaceExporter(config, dtype(config), ModelFolder.tokenizer(options.model(), source), options.export().maxShardBytes()).withExtrasOf(source);
    }

    private DType dtype(ModelConfig config) {
        return options.export().torchDtype().map(name -> switch (name) {
            case "bfloat16" -> DType.BF16;
            case "float16" -> DType.F16;
            default -> DType.F32;
        }).orElse(config.dtype());
    }

    private ExitCode compare(Path before, Path after, ModelConfig config) throws IOException {
        try (Engine engine = Engines.of(options).open(0)) {
            boolean passed = new PrecisionTest(engine).compare(before, after, probe(before, config), console.out()).passed();
            return passed ? ExitCode.OK : ExitCode.CONFIGURATION;
        }
    }

    /** Tokens of a short text; where there is no tokenizer, ids spread over the vocabulary. */
    private int[] probe(Path model, ModelConfig config) throws IOException {
        Path folder = ModelFolder.tokenizer(options.model(), model);
        if (Files.exists(folder.resolve("tokenizer.json"))) {
            return TokenizerFile.load(folder).tokenizer().encoder().encode(PROBE, true);
        }
        int vocabulary = config.vocabularySize();
        return IntStream.range(0, 32).map(i -> (int) ((i * 2654435761L) % vocabulary)).toArray();
    }
}
