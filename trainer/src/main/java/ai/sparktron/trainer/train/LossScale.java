package ai.sparktron.trainer.train;

import ai.sparktron.trainer.tensor.DType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * The factor on losses that keeps small gradients inside float16's range (arXiv 1710.03740), by Megatron's dynamic rule: a step whose gradients overflow is skipped; after
 * two of them the factor is halved at each further one, and doubled after {@value #WINDOW} steps without. Always 1 for other types.
 *
 * <p>It begins at 2^16 where Megatron begins at 2^32: losses are summed here, not divided by the tokens of the batch, so gradients are larger by about that much.
 */
final class LossScale {

    private static final float FIRST = 65_536;
    private static final float SMALLEST = 1;
    private static final int WINDOW = 1000;
    private static final int TOLERATED = 2;

    private final boolean dynamic;
    private float factor;
    private int good;
    private int tolerated = TOLERATED;
    private long skipped;

    private LossScale(boolean dynamic) {
        this.dynamic = dynamic;
        this.factor = dynamic ? FIRST : 1;
    }

    /** @param values type of activations */
    static LossScale of(DType values) {
        return new LossScale(values == DType.F16);
    }

    /** Whether it follows the steps: whether a step went well must then be known before the next one. */
    boolean isDynamic() {
        return dynamic;
    }

    /** A power of two. */
    float factor() {
        return factor;
    }

    /** Steps that updated nothing. */
    long skipped() {
        return skipped;
    }

    /**
     * Takes in how a step went.
     *
     * @param overflowed whether its gradients were not finite, so that nothing was updated
     */
    void update(boolean overflowed) {
        if (!dynamic) {
            return;
        }
        if (overflowed) {
            skipped++;
            good = 0;
            if (--tolerated <= 0) {
                factor = Math.max(SMALLEST, factor / 2);
            }
        } else if (++good == WINDOW) {
            good = 0;
            tolerated = TOLERATED;
            factor *= 2;
        }
    }

    /** Whether it cannot fall any more: an overflow then has another cause than the scale. */
    boolean isSmallest() {
        return factor <= SMALLEST;
    }

    /** Adds the state to what a checkpoint keeps. */
    void save(ObjectNode progress) {
        if (dynamic) {
            progress.put("loss_scale", factor);
            progress.put("loss_scale_good_steps", good);
            progress.put("loss_scale_tolerated", tolerated);
            progress.put("skipped_steps", skipped);
        }
    }

    /** Goes on from a checkpoint; one of a run in another type leaves it as it is. */
    void restore(JsonNode progress) {
        if (dynamic && progress.has("loss_scale")) {
            factor = (float) progress.path("loss_scale").asDouble();
            good = progress.path("loss_scale_good_steps").asInt();
            tolerated = progress.path("loss_scale_tolerated").asInt(TOLERATED);
            skipped = progress.path("skipped_steps").asLong();
        }
    }
}
