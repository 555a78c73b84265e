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
import ai.sparktron.trainer.convert.PeftAdapter;
import ai.sparktron.trainer.convert.PrecisionTest;
import ai.sparktron.trainer.convert.WeightSource;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.train.ModelShape;
import ai.sparktron.trainer.tuner.PeftConfig;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * {@code export}. A training checkpoint holds its weights in Hugging Face layout, so both directions move tensors piece by piece and no model is ever
 * whole in memory; an adapter is merged on the way. {@code test_convert_precision} then runs both.
 */
final class ExportCommand {

    private static final String PROBE = "Who are you? 你是谁? def f(x): return x ** 2 + 1";
    /** Megatron-SWIFT's converted checkpoints carry this iteration. */
    private static final long CONVERTED_ITERATION = 1;

    private final Options options;
    private final Optional<AdapterFolder> adapter;
    private final Console console;

    ExportCommand(Options options, Console console) throws IOException {
        this.adapter = options.export().adapters().stream().findFirst().map(name -> AdapterFolder.of("adapters", name));
        this.options = adapter.isPresent() && options.export().mcoreModel().isEmpty() ? adapter.get().withModel(options) : options;
        this.console = console;
    }

    ExitCode run() throws IOException {
        ExportOptions export = options.export();
        Path source = source(export);
        Path target = export.outputDir().map(Path::of).orElseGet(() -> defaultTarget(source)).toAbsolutePath().normalize();
        if (Files.exists(target) && !export.existOk()) {
            throw new ConfigurationException("--output_dir " + target + " exists already; name another directory, or give --exist_ok true");
        }
        if (adapter.isPresent() && !export.mergeLora()) {
            console.out().println("written: " + copyAdapter(target));
            return ExitCode.OK;
        }
        ModelConfig config = config(source);
        ModelShape.require(options, config);
        Path result = isHuggingFace(export) ? toHuggingFace(source, target, config) : toCheckpoint(source, target, config);
        console.out().println("written: " + result);
        return export.testConvertPrecision() ? compare(source, result, config) : ExitCode.OK;
    }

    /** Of the source with the adapter in it. */
    private ModelConfig config(Path source) throws IOException {
        if (adapter.isEmpty()) {
            return ConfigReader.read(source);
        }
        try (PeftAdapter opened = PeftAdapter.open(adapter.get().directory())) {
            return opened.modelOf(source);
        }
    }

    /** Whether the result is in Hugging Face layout: asked for, or what merging gives where nothing else is. */
    private static boolean isHuggingFace(ExportOptions export) {
        return export.toHf() || !export.toMcore();
    }

    private Path source(ExportOptions export) {
        if (adapter.isPresent() && !export.mergeLora()) {
            return adapter.get().directory();
        }
        return export.mcoreModel().isPresent() && isHuggingFace(export) ? CheckpointStore.open(Path.of(export.mcoreModel().get())).directory()
                : ModelFolder.model(options.model(), ModelFolder.Weights.NEEDED);
    }

    private Path defaultTarget(Path source) {
        Path named = options.export().mergeLora() ? adapter.orElseThrow().directory() : source;
        return named.resolveSibling(named.getFileName() + (options.export().toMcore() ? "-mcore" : options.export().mergeLora() ? "-merged" : "-hf"));
    }

    /** Does something with the tensors of the source, the adapter's in them. */
    private interface Work {
        void with(WeightSource weights) throws IOException;
    }

    private void read(Path source, ModelConfig config, Work work) throws IOException {
        try (FolderWeights weights = FolderWeights.open(source, config); PeftAdapter opened = adapter.isPresent() ? PeftAdapter.open(adapter.get().directory()) : null) {
            work.with(opened == null ? weights : opened.into(weights, DecoderSpecs.of(config)));
        }
    }

    /** The adapter without the training's state. */
    private Path copyAdapter(Path target) throws IOException {
        Files.createDirectories(target);
        for (String name : List.of(PeftConfig.FILE, PeftAdapter.FILE)) {
            Files.copy(adapter.orElseThrow().directory().resolve(name), target.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        return target;
    }

    private Path toHuggingFace(Path source, Path target, ModelConfig config) throws IOException {
        HuggingFaceExporter exporter = exporter(source, config);
        read(source, config, weights -> {
            if (Files.exists(target)) {
                exporter.write(target, weights);
            } else {
                exporter.export(target, weights);
            }
        });
        return target;
    }

    private Path toCheckpoint(Path source, Path target, ModelConfig config) throws IOException {
        CheckpointStore store = new CheckpointStore(target);
        Path temporary = store.begin(CONVERTED_ITERATION, "export");
        Files.createDirectories(CheckpointStore.stateDirectory(temporary, CONVERTED_ITERATION));
        read(source, config, weights -> exporter(source, config).write(temporary, weights));
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
            boolean passed = new PrecisionTest(engine).compare(before, adapter.map(AdapterFolder::directory), after, probe(before, config), console.out()).passed();
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
