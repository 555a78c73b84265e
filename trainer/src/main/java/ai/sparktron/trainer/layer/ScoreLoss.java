package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** The work for a {@link SequenceObjective} of a head that gives one number of a token: that number takes the place of the label's log-probability. */
final class ScoreLoss implements Head.Objectives {

    private final Linear product;

    /** @param product with the weight [1, D] */
    ScoreLoss(Linear product) {
        this.product = product;
    }

    @Override
    public void run(Tensor x, boolean train, Pass pass) {
        TokenBatch.Targets targets = pass.batch().targets();
        if (x == null) {
            pass.objective().derivatives(new float[0], new int[0], new float[0]);
            return;
        }
        try (Arena.Frame scratch = pass.scratch().open("scores")) {
            Tensor scores = scratch.tensor("scores", x.dtype(), x.rows(), 1);
            Tensor numbers = scratch.tensor("numbers", DType.F32, x.rows(), 1);
            Pass named = pass.ofTrained(0, x.rows());
            product.forward(x, scores, named);
            pass.kernels().copy(scores, numbers);
            float[] derivatives = pass.objective().derivatives(ObjectiveLoss.read(numbers, pass), targets.documents(), targets.weights());
            if (train) {
                ObjectiveLoss.write(derivatives, 1, numbers, pass);
                pass.kernels().copy(numbers, scores);
                product.backward(scores, x, x, named);
            }
        }
    }
}
