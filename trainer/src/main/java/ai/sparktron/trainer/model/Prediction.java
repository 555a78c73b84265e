package ai.sparktron.trainer.model;

/**
 * Layers behind the last one that are trained to predict tokens further on (multi-token prediction, arXiv 2412.19437).
 *
 * @param layers     n of them; the k-th predicts what comes k tokens after the next one
 * @param lossFactor {@code mtp_loss_scaling_factor}: the loss is that of the next tokens + lossFactor / n * sum over k of the mean loss of the k-th
 */
public record Prediction(int layers, double lossFactor) {

    /** None is trained: what the files have of them stays in the files. */
    public static final Prediction NONE = new Prediction(0, 0);

    public Prediction {
        if (layers < 0 || layers > 0 && !(lossFactor > 0)) {
            throw new IllegalArgumentException(layers + " layers (mtp_num_layers) whose losses count " + lossFactor
                    + " (mtp_loss_scaling_factor): expected neither below 0, and a factor above 0 where there are layers");
        }
    }

    /** Factor on the mean loss of one layer. */
    public double ofLayer() {
        return layers == 0 ? 0 : lossFactor / layers;
    }
}
