package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * A micro-batch on the engine.
 *
 * @param ids     I32 [T]
 * @param layout  documents
 * @param targets what is trained; null = no loss is asked for
 * @param reach   1 + the largest position of the whole micro-batch
 */
record TokenBatch(Tensor ids, TokenLayout layout, Targets targets, int reach) {

    /**
     * The trained tokens alone: the head works on no others.
     *
     * @param count  N, may be 0
     * @param rows   I32 [N] index of each in the micro-batch; null when all are trained
     * @param labels I32 [N]
     * @param scale  float32 [N] factor on each one's loss and gradient
     */
    record Targets(int count, Tensor rows, Tensor labels, Tensor scale) {
    }

    /** @param lossScale factor on all losses */
    static TokenBatch upload(HostTokens host, float lossScale, Engine engine, Arena.Frame frame) {
        int tokens = host.tokens();
        Tensor integers = frame.tensor("tokens", DType.I32, 3L * tokens);
        int[] values = new int[3 * tokens];
        System.arraycopy(host.ids(), 0, values, 0, tokens);
        System.arraycopy(host.positions(), 0, values, tokens, tokens);
        System.arraycopy(host.documents(), 0, values, 2 * tokens, tokens);
        engine.write(integers, HostArrays.bytes(values));
        TokenLayout layout = new TokenLayout(tokens, integers.rows(tokens, tokens), integers.rows(2L * tokens, tokens), TokenLayout.startsOf(host.documents()), host.positions(),
                host.documents());
        Targets targets = host.labels() == null ? null : targets(host, lossScale, engine, frame);
        return new TokenBatch(integers.rows(0, tokens), layout, targets, host.reach());
    }

    private static Targets targets(HostTokens host, float lossScale, Engine engine, Arena.Frame frame) {
        int count = host.trainedTokens();
        if (count == 0) {
            return new Targets(0, null, null, null);
        }
        int[] rows = new int[count];
        int[] labels = new int[count];
        float[] scale = new float[count];
        int next = 0;
        for (int t = 0; t < host.tokens(); t++) {
            if (host.labels()[t] >= 0) {
                rows[next] = t;
                labels[next] = host.labels()[t];
                scale[next++] = lossScale * (host.weights() == null ? 1 : host.weights()[t]);
            }
        }
        Tensor labelTensor = frame.tensor("labels", DType.I32, count);
        Tensor scaleTensor = frame.tensor("loss_scale", DType.F32, count);
        engine.write(labelTensor, HostArrays.bytes(labels));
        engine.write(scaleTensor, HostArrays.bytes(scale));
        Tensor rowTensor = null;
        if (count < host.tokens()) {
            rowTensor = frame.tensor("trained_rows", DType.I32, count);
            engine.write(rowTensor, HostArrays.bytes(rows));
        }
        return new Targets(count, rowTensor, labelTensor, scaleTensor);
    }
}
