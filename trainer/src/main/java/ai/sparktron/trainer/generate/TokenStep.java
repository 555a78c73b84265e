package ai.sparktron.trainer.generate;

import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.kernels.Replay;
import ai.sparktron.trainer.layer.BatchCache;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/**
 * One further token of each of B sequences. Everything that differs from token to token lies on the engine, so the kernels of a step are enqueued as one where the engine can
 * ({@link Engine#replay}): one recording for each doubling of the longest sequence, in memory of the step's own.
 */
final class TokenStep implements AutoCloseable {

    /** Sequences up to this length share a recording. */
    private static final int LEAST_REACH = 256;
    private static final long CHUNK_BYTES = 4L << 20;

    /** What comes of a step. */
    enum Outcome {
        /** Logits, of which the host picks. */
        LOGITS,
        /** The likeliest tokens, which the next step takes as they are. */
        LIKELIEST
    }

    private record Form(int reach, Outcome outcome) {
    }

    private final Engine engine;
    private final DecoderModel model;
    private final BatchCache cache;
    private final int sequences;
    private final int capacity;
    private final Tensor numbers;
    private final Tensor positions;
    private final Tensor ids;
    private final Tensor logits;
    private final ByteBuffer numberBytes;
    private final StackArena microBatch;
    private final StackArena scratch;
    private final Map<Form, Replay> replays = new HashMap<>();
    private int reach;
    private boolean recorded;

    /**
     * @param cache     of the sequences, each of {@code capacity} tokens
     * @param sequences B
     */
    TokenStep(LoadedModel loaded, BatchCache cache, int sequences, int capacity) {
        this.engine = loaded.engine();
        this.model = loaded.model();
        this.cache = cache;
        this.sequences = sequences;
        this.capacity = capacity;
        this.numbers = loaded.frame().tensor("step", DType.I32, 2L * sequences);
        this.positions = numbers.rows(0, sequences);
        this.ids = numbers.rows(sequences, sequences);
        this.logits = loaded.frame().tensor("logits", DType.F32, sequences, loaded.config().vocabularySize());
        this.numberBytes = ByteBuffer.allocateDirect(2 * sequences * Integer.BYTES).order(ByteOrder.nativeOrder());
        this.microBatch = StackArena.growing("step", engine.memory(), CHUNK_BYTES);
        this.scratch = StackArena.growing("step's calls", engine.memory(), CHUNK_BYTES);
    }

    /** The logits [B, V] of the last step that was asked for them. */
    Tensor logits() {
        return logits;
    }

    /**
     * Enqueues a step.
     *
     * @param at      place of each sequence's new token
     * @param tokens  the new tokens; null = those that the last step found the likeliest
     * @param outcome what is wanted
     */
    void run(int[] at, int[] tokens, Outcome outcome) {
        numberBytes.clear();
        reach = 0;
        for (int place : at) {
            numberBytes.putInt(place);
            reach = Math.max(reach, place + 1);
        }
        if (tokens != null) {
            for (int token : tokens) {
                numberBytes.putInt(token);
            }
        }
        engine.write(tokens == null ? positions : numbers, numberBytes.flip());
        if (model.repeats(reach)) {
            Replay replay = replay(new Form(Math.min(capacity, Math.max(LEAST_REACH, Integer.highestOneBit(2 * reach - 1))), outcome));
            replay.run();
            recorded = replay.isRecorded();
        } else {
            recorded = false;
            compute(new Form(reach, outcome));
        }
    }

    /** Whether the last step was enqueued as one. */
    boolean isRecorded() {
        return recorded;
    }

    private Replay replay(Form form) {
        return replays.computeIfAbsent(form, f -> engine.replay("one token of " + sequences + " sequences of up to " + f.reach() + " tokens", () -> compute(f)));
    }

    private void compute(Form form) {
        try (Pass pass = model.begin(ids, positions, reach, cache.step(form.reach()), microBatch, scratch)) {
            model.logits(pass, 0, sequences, logits);
        }
        if (form.outcome() == Outcome.LIKELIEST) {
            engine.kernels().likeliest(logits, ids);
        }
    }

    /** Starts bringing the tokens that the last step found the likeliest to the host: I32 [B], -1 where a logit is NaN. */
    Readback likeliest() {
        return engine.readLater(ids);
    }

    @Override
    public void close() {
        replays.values().forEach(Replay::close);
        replays.clear();
        scratch.close();
        microBatch.close();
    }
}
