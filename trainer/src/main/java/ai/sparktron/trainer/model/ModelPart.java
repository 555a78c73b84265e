package ai.sparktron.trainer.model;

/**
 * Which layers a rank holds: a pipeline stage, or everything.
 *
 * @param firstLayer   index in the model of the first layer held
 * @param layers       number of layers held
 * @param hasEmbedding whether the embedding is before them
 * @param hasHead      whether the final norm, the head and the loss are behind them
 */
public record ModelPart(int firstLayer, int layers, boolean hasEmbedding, boolean hasHead) {
    public ModelPart {
        if (firstLayer < 0 || layers < 0) {
            throw new IllegalArgumentException("layers " + firstLayer + " to " + (firstLayer + layers) + ": expected both >= 0");
        }
    }

    /** The whole model. */
    public static ModelPart whole(ModelConfig config) {
        return new ModelPart(0, config.layers(), true, true);
    }
}
