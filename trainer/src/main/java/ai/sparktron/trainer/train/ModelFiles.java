package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.AtomicFiles;
import ai.sparktron.trainer.checkpoint.CheckpointException;
import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.config.ArgsFile;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.convert.AdapterExporter;
import ai.sparktron.trainer.convert.GatheredWeights;
import ai.sparktron.trainer.convert.HuggingFaceExporter;
import ai.sparktron.trainer.convert.MergedWeights;
import ai.sparktron.trainer.convert.WeightSource;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsFolder;
import ai.sparktron.trainer.tuner.Tuning;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The part of a checkpoint that others read: the model in Hugging Face layout, or of a LoRA run the adapter in PEFT's form and on request the model with the
 * adapter in it.
 *
 * <p>The first rank writes; ranks that hold parts of the same replica hand them over, piece by piece; other replicas have nothing to do unless they share the
 * model out.
 */
final class ModelFiles implements Checkpointer.ModelWriter {

    /** Folder of the checkpoint for the model with the adapter in it. */
    private static final String MERGED = "merged";

    private final RunPlan plan;
    private final Options options;
    private final ModelConfig config;
    private final Tuning tuning;
    private final RankModel model;
    private final GatheredWeights gathered;
    private final boolean writes;

    /** @param writes whether this rank is the one that writes */
    ModelFiles(RunPlan plan, ModelConfig config, RankModel model, Engine engine, boolean writes) {
        this.plan = plan;
        this.options = plan.options();
        this.config = config;
        this.model = model;
        this.tuning = model.tuning();
        this.writes = writes;
        ParallelPlan.Holders holders = model.grid().holders(config);
        this.gathered = GatheredWeights.values(model.parameters(), engine, holders.ranks()::allGather, holders.answers());
        if (options.tuner().mergeLora()) {
            MergedWeights.requireSeparable(tuning.adapters(), config.tiedEmbeddings());
        }
    }

    @Override
    public void write(Path directory) {
        boolean every = model.update().meetsInEveryPass() || model.grid().meetsInEveryPass();
        if (model.grid().gradientGroup().rank() != 0 && !every) {
            return;
        }
        try {
            WeightSource weights = (tensor, from, count) -> {
                model.update().bring(tensor);
                return gathered.read(tensor, from, count);
            };
            if (tuning.peft().isEmpty()) {
                whole(directory, weights);
            } else {
                adapter(directory, weights);
                if (options.tuner().mergeLora()) {
                    whole(directory.resolve(MERGED), new MergedWeights(weights, weights, tuning.adapters()));
                }
            }
            if (writes) {
                AtomicFiles.write(directory.resolve(ArgsFile.NAME), plan.argsJson().getBytes(StandardCharsets.UTF_8));
            }
        } catch (IOException e) {
            throw new CheckpointException("cannot write the model into " + directory + ": " + e
                    + "; earlier checkpoints are untouched", e);
        }
    }

    private void whole(Path directory, WeightSource weights) throws IOException {
        HuggingFaceExporter exporter = new HuggingFaceExporter(config, config.dtype(), Path.of(plan.tokenizer()), options.checkpoint().maxShardBytes());
        weightFiles().ifPresent(exporter::withExtrasOf);
        if (writes) {
            exporter.write(directory, weights);
        } else {
            exporter.contribute(weights);
        }
    }

    /** Where the weights that this training began with lie; nowhere if they were random. */
    private Optional<Path> weightFiles() {
        Optional<Path> loaded = plan.load().map(path -> CheckpointStore.open(path).directory());
        Optional<Path> files = loaded.isPresent() || !options.checkpoint().noInitialization() ? loaded : Optional.of(Path.of(plan.model()));
        return files.filter(SafetensorsFolder::isOne);
    }

    private void adapter(Path directory, WeightSource weights) throws IOException {
        DType dtype = options.tuner().loraDtype().map(name -> switch (name) {
            case "bfloat16" -> DType.BF16;
            case "float16" -> DType.F16;
            default -> DType.F32;
        }).orElse(config.dtype());
        AdapterExporter exporter = new AdapterExporter(DecoderSpecs.of(config), tuning, options.model().model().orElse(plan.model()), dtype);
        if (writes) {
            exporter.write(directory, weights);
        } else {
            exporter.contribute(weights);
        }
    }
}
