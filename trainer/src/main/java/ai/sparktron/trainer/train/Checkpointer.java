package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.CheckpointException;
import ai.sparktron.trainer.checkpoint.CheckpointManifest;
import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.checkpoint.GlobalSlice;
import ai.sparktron.trainer.checkpoint.SavedCheckpoint;
import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.checkpoint.StateReader;
import ai.sparktron.trainer.checkpoint.StateWriter;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.config.CheckpointOptions;
import ai.sparktron.trainer.data.DataCursor;
import ai.sparktron.trainer.layer.Fp8History;
import ai.sparktron.trainer.train.metrics.Figures;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Saves and restores all of a run: every rank writes and reads its own state, the first rank the Hugging Face files, the manifest and the commit. What is restored
 * continues with the same bits.
 */
final class Checkpointer implements TrainLoop.Saver {

    /** Writes the Hugging Face part of a checkpoint into its temporary directory: the first rank does, others give what they hold of the same replica. */
    interface ModelWriter {
        void write(Path checkpoint);
    }

    /**
     * Where a restored run goes on.
     *
     * @param iteration      steps done
     * @param cursor         position in the data
     * @param bestLoss       smallest evaluation loss so far, NaN when there was none
     * @param elapsedSeconds training time so far
     */
    record Progress(long iteration, DataCursor cursor, double bestLoss, double elapsedSeconds) {
    }

    private static final ObjectMapper JSON = new ObjectMapper();

    private final CheckpointStore store;
    private final CheckpointOptions options;
    private final RankContext context;
    private final Communicator all;
    private final ModelUpdate update;
    private final LossScale scale;
    private final Optional<Fp8History> magnitudes;
    private final ModelWriter model;
    private final long seed;
    private double bestLoss = Double.NaN;
    private SavedCheckpoint newest;

    /**
     * @param scale saved and restored with the update
     * @param magnitudes of past steps, the same on all ranks; empty where nothing is scaled by them
     * @param model called on every rank, as a model may be spread over several
     */
    Checkpointer(CheckpointStore store, CheckpointOptions options, RankContext context, Communicator all, ModelUpdate update, LossScale scale,
                 Optional<Fp8History> magnitudes, ModelWriter model, long seed) {
        this.store = store;
        this.options = options;
        this.context = context;
        this.all = all;
        this.update = update;
        this.scale = scale;
        this.magnitudes = magnitudes;
        this.model = model;
        this.seed = seed;
    }

    @Override
    public void save(long iteration, DataCursor cursor, double evaluationLoss, double elapsedSeconds) {
        if (context.isFirst()) {
            store.begin(iteration, context.attempt());
        }
        all.barrier();
        Path temporary = store.temporaryDirectory(iteration, context.attempt());
        CheckpointManifest.StateFile own = StateWriter.write(CheckpointStore.stateDirectory(temporary, iteration), context.world().rank(),
                context.world().size(), toSave());
        List<CheckpointManifest.StateFile> files = gather(own);
        if (options.saveSafetensors()) {
            model.write(temporary);
        }
        if (context.isFirst()) {
            boolean best = !Double.isNaN(evaluationLoss) && !(evaluationLoss >= bestLoss);
            bestLoss = best ? evaluationLoss : bestLoss;
            context.listener().phase(iteration, RunListener.COMMITTING);
            newest = store.commit(temporary, new CheckpointManifest(CheckpointManifest.FORMAT, CheckpointManifest.VERSION, iteration,
                    cursor.consumedSamples(), update.steps(), seed, context.world().size(), !options.noSaveOptim(),
                    progress(cursor, elapsedSeconds), files));
            if (best) {
                store.markBest(newest);
            }
            options.saveTotalLimit().ifPresent(store::retire);
            context.listener().saved(newest);
        }
        all.barrier();
    }

    private List<StatePiece> toSave() {
        List<StatePiece> pieces = new ArrayList<>(update.toSave(!options.noSaveOptim()));
        if (context.isFirst() && !options.noSaveOptim()) {
            magnitudes.map(Checkpointer::piece).ifPresent(pieces::add);
        }
        return pieces;
    }

    private static StatePiece piece(Fp8History history) {
        return new StatePiece("fp8_amax_history", GlobalSlice.whole("of " + history.shape().get(0) + " x " + history.shape().get(1), history.shape()), history.numbers(), 0);
    }

    /** One of another length is not taken: then the first step scales by what it sees, as that of a new run does. */
    private void restoreMagnitudes(StateReader reader) {
        magnitudes.map(Checkpointer::piece).ifPresent(piece -> {
            if (reader.has(piece.state(), piece.slice().name())) {
                reader.read(piece);
            } else if (context.isFirst()) {
                context.listener().line("the checkpoint has no history of magnitudes of this length (--fp8_amax_history_len): it begins anew");
            }
        });
    }

    private ObjectNode progress(DataCursor cursor, double elapsedSeconds) {
        ObjectNode progress = JSON.createObjectNode();
        progress.put("cursor", cursor.toJson());
        progress.put("elapsed_seconds", elapsedSeconds);
        if (!Double.isNaN(bestLoss)) {
            progress.put("best_loss", bestLoss);
        }
        scale.save(progress);
        return progress;
    }

    private List<CheckpointManifest.StateFile> gather(CheckpointManifest.StateFile own) {
        try {
            List<CheckpointManifest.StateFile> files = new ArrayList<>();
            for (byte[] json : all.allGather(JSON.writeValueAsBytes(own))) {
                files.add(JSON.readValue(new String(json, StandardCharsets.UTF_8), CheckpointManifest.StateFile.class));
            }
            return files;
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("manifest entries of a rank cannot be read: " + e, e);
        }
    }

    /**
     * Reads values, optimizer state and progress.
     *
     * @param rows rows of this run's training data
     */
    Progress restore(SavedCheckpoint checkpoint, long rows) {
        CheckpointManifest manifest = checkpoint.manifest();
        if (!manifest.hasOptimizer()) {
            throw new CheckpointException(checkpoint.directory() + " was saved without optimizer state (no_save_optim), so the run cannot be continued exactly:"
                    + " use --finetune true to start from its weights");
        }
        try (StateReader reader = new StateReader(checkpoint)) {
            update.valuesToLoad().forEach(reader::read);
            if (!options.noLoadOptim()) {
                update.optimizerToLoad().forEach(reader::read);
                update.restore(manifest.optimizerSteps());
                scale.restore(manifest.progress());
                restoreMagnitudes(reader);
            }
            if (context.isFirst()) {
                long saved = manifest.files().stream().mapToLong(CheckpointManifest.StateFile::sizeBytes).sum();
                context.listener().line("this rank's slices: " + Figures.bytes(reader.bytesRead()) + " of the " + Figures.bytes(saved) + " that " + manifest.worldSize()
                        + " ranks saved");
            }
        }
        DataCursor cursor = DataCursor.fromJson(manifest.progress().path("cursor").asText());
        cursor.requireSame(rows, seed);
        bestLoss = manifest.progress().path("best_loss").asDouble(Double.NaN);
        newest = checkpoint;
        return new Progress(manifest.iteration(), cursor, bestLoss, manifest.progress().path("elapsed_seconds").asDouble(0));
    }

    /** The checkpoint saved or restored last; null before. On the first rank. */
    SavedCheckpoint newest() {
        return newest;
    }
}
