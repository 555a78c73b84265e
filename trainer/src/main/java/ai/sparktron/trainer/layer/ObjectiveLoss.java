package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.seam.VocabularyGroup;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The head's work for a {@link SequenceObjective}. What the gradient of a token's logits is multiplied by is known only when all log-probabilities are, so the rows are
 * gone through twice, and logits that do not fit one chunk are made twice.
 */
final class ObjectiveLoss implements Head.Objectives {

    private final Parameter weight;
    private final Linear product;
    private final VocabularyGroup vocabulary;
    private final long chunkBytes;

    /** As {@link Head}. */
    ObjectiveLoss(Parameter weight, Linear product, VocabularyGroup vocabulary, long chunkBytes) {
        this.weight = weight;
        this.product = product;
        this.vocabulary = vocabulary;
        this.chunkBytes = chunkBytes;
    }

    @Override
    public void run(Tensor x, boolean train, Pass pass) {
        TokenBatch.Targets targets = pass.batch().targets();
        if (x == null) {
            pass.objective().derivatives(new float[0], new int[0], new float[0]);
            return;
        }
        Kernels kernels = pass.kernels();
        long vocabularyHere = weight.value().rows();
        long most = Math.max(1, Math.min(x.rows(), chunkBytes / (vocabularyHere * x.dtype().sizeBytes())));
        long chunk = Head.equalRows(x.rows(), most);
        try (Arena.Frame scratch = pass.scratch().open("objective")) {
            Tensor logits = scratch.tensor("logits", x.dtype(), most, vocabularyHere);
            Tensor logSumExp = scratch.tensor("log_sum_exp", DType.F32, x.rows());
            Tensor picked = scratch.tensor("picked", DType.F32, x.rows());
            for (long from = 0; from < x.rows(); from += chunk) {
                long rows = Math.min(chunk, x.rows() - from);
                statistics(x.rows(from, rows), from, logits.rows(0, rows), logSumExp.rows(from, rows), picked.rows(from, rows), pass);
            }
            kernels.addScaled(-1, logSumExp, picked);
            float[] derivatives = pass.objective().derivatives(read(picked, pass), targets.documents(), targets.weights());
            if (train) {
                write(derivatives, picked, pass);
                for (long from = 0; from < x.rows(); from += chunk) {
                    long rows = Math.min(chunk, x.rows() - from);
                    gradient(x.rows(from, rows), from, logits.rows(0, rows), logSumExp.rows(from, rows), picked.rows(from, rows), rows < x.rows(), pass);
                }
            }
        }
    }

    private void statistics(Tensor x, long from, Tensor logits, Tensor logSumExp, Tensor picked, Pass pass) {
        product.forward(x, logits, pass.ofTrained(from, x.rows()));
        pass.kernels().softmaxStatistics(logits, labels(from, x, pass), firstColumn(), logSumExp, picked);
        vocabulary.combine(pass.kernels(), pass.scratch(), logSumExp, picked);
    }

    /** Rows become their gradients. @param again whether another chunk's logits lie where this one's lay */
    private void gradient(Tensor x, long from, Tensor logits, Tensor logSumExp, Tensor scale, boolean again, Pass pass) {
        Pass named = pass.ofTrained(from, x.rows());
        if (again) {
            product.forward(x, logits, named);
        }
        pass.kernels().crossEntropyGrad(logits, logSumExp, labels(from, x, pass), firstColumn(), scale);
        product.backward(logits, x, x, named);
    }

    private static Tensor labels(long from, Tensor x, Pass pass) {
        return pass.batch().targets().labels().rows(from, x.rows());
    }

    private long firstColumn() {
        return weight.slices().get(0).firstRow();
    }

    static float[] read(Tensor values, Pass pass) {
        float[] read = new float[Math.toIntExact(values.elements())];
        ByteBuffer bytes = bytes(read.length);
        pass.engine().read(values, bytes);
        bytes.clear();
        bytes.asFloatBuffer().get(read);
        return read;
    }

    /** Factors on the gradients of logits: cross entropy falls where the log-probability rises. */
    private static void write(float[] derivatives, Tensor scale, Pass pass) {
        write(derivatives, -1, scale, pass);
    }

    /** Writes as many numbers as the tensor has, times a factor. */
    static void write(float[] derivatives, float factor, Tensor scale, Pass pass) {
        if (derivatives.length != scale.elements()) {
            throw new IllegalStateException("an objective gave " + derivatives.length + " derivatives for " + scale.elements() + " tokens");
        }
        ByteBuffer bytes = bytes(derivatives.length);
        for (int i = 0; i < derivatives.length; i++) {
            bytes.putFloat(i * Float.BYTES, factor * derivatives[i]);
        }
        pass.engine().write(scale, bytes);
    }

    private static ByteBuffer bytes(int floats) {
        return ByteBuffer.allocateDirect(floats * Float.BYTES).order(ByteOrder.nativeOrder());
    }
}
