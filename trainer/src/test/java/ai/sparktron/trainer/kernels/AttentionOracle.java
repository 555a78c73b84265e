package ai.sparktron.trainer.kernels;

/**
 * Attention and its gradient in float64 over plain arrays, for comparing half precision at sizes where tiles meet. Heads lie beside each other in a row, as in
 * {@link Kernels#attention}.
 *
 * @param out  [Tq, H*Kv]
 * @param sums log-sum-exp, [Tq, H]
 */
record AttentionOracle(AttentionShape shape, int[] queryDocuments, int[] queryPositions, int[] keyDocuments, int[] keyPositions, float[] q, float[] k, float[] v,
                       double[] out, double[] sums) {

    static AttentionOracle of(AttentionShape shape, TokenLayout queries, TokenLayout keys, float[] q, float[] k, float[] v) {
        AttentionOracle oracle = new AttentionOracle(shape, queries.hostDocuments(), queries.hostPositions(), keys.hostDocuments(), keys.hostPositions(), q, k, v,
                new double[queries.tokens() * shape.heads() * shape.valueSize()], new double[queries.tokens() * shape.heads()]);
        oracle.forward();
        return oracle;
    }

    private boolean sees(int i, int j) {
        return queryDocuments[i] == keyDocuments[j] && keyPositions[j] <= queryPositions[i];
    }

    private double score(int i, int j, int head) {
        int kvHead = head / (shape.heads() / shape.kvHeads());
        int size = shape.keySize();
        return dot(q, (i * shape.heads() + head) * size, k, (j * shape.kvHeads() + kvHead) * size, size) * shape.scale();
    }

    private static double dot(float[] a, int fromA, float[] b, int fromB, int size) {
        double sum = 0;
        for (int d = 0; d < size; d++) {
            sum += (double) a[fromA + d] * b[fromB + d];
        }
        return sum;
    }

    private void forward() {
        int size = shape.valueSize();
        for (int i = 0; i < queryDocuments.length; i++) {
            for (int head = 0; head < shape.heads(); head++) {
                int kvHead = head / (shape.heads() / shape.kvHeads());
                double[] scores = new double[keyDocuments.length];
                double largest = Double.NEGATIVE_INFINITY;
                for (int j = 0; j < scores.length; j++) {
                    scores[j] = sees(i, j) ? score(i, j, head) : Double.NEGATIVE_INFINITY;
                    largest = Math.max(largest, scores[j]);
                }
                double sum = 0;
                int row = (i * shape.heads() + head) * size;
                for (int j = 0; j < scores.length; j++) {
                    if (sees(i, j)) {
                        double weight = Math.exp(scores[j] - largest);
                        sum += weight;
                        for (int d = 0; d < size; d++) {
                            out[row + d] += weight * v[(j * shape.kvHeads() + kvHead) * size + d];
                        }
                    }
                }
                for (int d = 0; d < size && sum > 0; d++) {
                    out[row + d] /= sum;
                }
                sums[i * shape.heads() + head] = sum > 0 ? largest + Math.log(sum) : Double.NEGATIVE_INFINITY;
            }
        }
    }

    /** Gradients at q, k and v. */
    double[][] backward(float[] dOut) {
        int size = shape.valueSize();
        int keySize = shape.keySize();
        double[] dq = new double[q.length];
        double[] dk = new double[k.length];
        double[] dv = new double[v.length];
        for (int i = 0; i < queryDocuments.length; i++) {
            for (int head = 0; head < shape.heads(); head++) {
                int kvHead = head / (shape.heads() / shape.kvHeads());
                int row = (i * shape.heads() + head) * size;
                double delta = 0;
                for (int d = 0; d < size; d++) {
                    delta += dOut[row + d] * out[row + d];
                }
                for (int j = 0; j < keyDocuments.length; j++) {
                    if (!sees(i, j)) {
                        continue;
                    }
                    double p = Math.exp(score(i, j, head) - sums[i * shape.heads() + head]);
                    int valueRow = (j * shape.kvHeads() + kvHead) * size;
                    double ds = p * (dot(dOut, row, v, valueRow, size) - delta) * shape.scale();
                    for (int d = 0; d < size; d++) {
                        dv[valueRow + d] += p * dOut[row + d];
                    }
                    int queryRow = (i * shape.heads() + head) * keySize;
                    int keyRow = (j * shape.kvHeads() + kvHead) * keySize;
                    for (int d = 0; d < keySize; d++) {
                        dq[queryRow + d] += ds * k[keyRow + d];
                        dk[keyRow + d] += ds * q[queryRow + d];
                    }
                }
            }
        }
        return new double[][] {dq, dk, dv};
    }
}
