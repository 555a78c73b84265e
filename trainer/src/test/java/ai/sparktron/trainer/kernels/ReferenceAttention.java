package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Tensor;

/** Attention and its gradient, one query token and head after the other. */
final class ReferenceAttention {

    private ReferenceAttention() {
    }

    private static boolean sees(TokenLayout queries, int i, TokenLayout keys, int j) {
        return queries.hostDocuments()[i] == keys.hostDocuments()[j] && keys.hostPositions()[j] <= queries.hostPositions()[i];
    }

    private static double score(Cells q, Cells k, AttentionShape shape, int i, int j, int head) {
        int kvHead = head / (shape.heads() / shape.kvHeads());
        double dot = 0;
        for (int d = 0; d < shape.keySize(); d++) {
            dot += q.get(i, head * shape.keySize() + d) * k.get(j, kvHead * shape.keySize() + d);
        }
        return dot * shape.scale();
    }

    static void forward(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        Cells q1 = new Cells(q);
        Cells k1 = new Cells(k);
        Cells v1 = new Cells(v);
        Cells o1 = new Cells(out);
        for (int i = 0; i < queries.tokens(); i++) {
            for (int head = 0; head < shape.heads(); head++) {
                int kvHead = head / (shape.heads() / shape.kvHeads());
                double largest = Double.NEGATIVE_INFINITY;
                for (int j = 0; j < keys.tokens(); j++) {
                    largest = sees(queries, i, keys, j) ? Math.max(largest, score(q1, k1, shape, i, j, head)) : largest;
                }
                double sum = 0;
                double[] result = new double[shape.valueSize()];
                for (int j = 0; j < keys.tokens(); j++) {
                    if (sees(queries, i, keys, j)) {
                        double weight = Math.exp(score(q1, k1, shape, i, j, head) - largest);
                        sum += weight;
                        for (int d = 0; d < result.length; d++) {
                            result[d] += weight * v1.get(j, kvHead * shape.valueSize() + d);
                        }
                    }
                }
                for (int d = 0; d < result.length; d++) {
                    o1.set(i, head * shape.valueSize() + d, sum == 0 ? 0 : result[d] / sum);
                }
                if (logSumExp != null) {
                    new Cells(logSumExp).set(i, head, sum == 0 ? Double.NEGATIVE_INFINITY : largest + Math.log(sum));
                }
            }
        }
    }

    static void cached(Tensor q, Tensor k, Tensor v, AttentionShape shape, Tensor positions, Tensor keys, Tensor values, Tensor out) {
        long capacity = keys.rows() / q.rows();
        for (int sequence = 0; sequence < q.rows(); sequence++) {
            int place = new Cells(positions).integer(sequence);
            long first = sequence * capacity;
            put(k, sequence, keys, first + place);
            put(v, sequence, values, first + place);
            int[] own = {place};
            int[] all = java.util.stream.IntStream.rangeClosed(0, place).toArray();
            forward(q.rows(sequence, 1), keys.rows(first, place + 1L), values.rows(first, place + 1L), shape, layout(own), layout(all), out.rows(sequence, 1), null);
        }
    }

    private static void put(Tensor from, long row, Tensor to, long target) {
        for (int column = 0; column < from.columns(); column++) {
            new Cells(to).set(target, column, new Cells(from).get(row, column));
        }
    }

    private static TokenLayout layout(int[] positions) {
        return new TokenLayout(positions.length, null, null, new int[] {0, positions.length}, positions, new int[positions.length]);
    }

    static void merge(Tensor partOut, Tensor partLogSumExp, Tensor out, Tensor logSumExp) {
        int size = (int) (out.columns() / logSumExp.columns());
        for (int t = 0; t < out.rows(); t++) {
            for (int head = 0; head < logSumExp.columns(); head++) {
                double own = new Cells(logSumExp).get(t, head);
                double part = new Cells(partLogSumExp).get(t, head);
                if (part == Double.NEGATIVE_INFINITY) {
                    continue;
                }
                double both = Math.max(own, part) + Math.log1p(Math.exp(-Math.abs(own - part)));
                for (int d = head * size; d < (head + 1) * size; d++) {
                    new Cells(out).set(t, d, Math.exp(own - both) * new Cells(out).get(t, d) + Math.exp(part - both) * new Cells(partOut).get(t, d));
                }
                new Cells(logSumExp).set(t, head, both);
            }
        }
    }

    static void backward(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                         TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write) {
        Cells q1 = new Cells(q);
        Cells k1 = new Cells(k);
        Cells v1 = new Cells(v);
        Cells grad = new Cells(dOut);
        double[][] queryShares = new double[queries.tokens()][(int) dq.columns()];
        double[][] keyShares = new double[keys.tokens()][(int) dk.columns()];
        double[][] valueShares = new double[keys.tokens()][(int) dv.columns()];
        for (int i = 0; i < queries.tokens(); i++) {
            for (int head = 0; head < shape.heads(); head++) {
                int kvHead = head / (shape.heads() / shape.kvHeads());
                double inner = 0;
                for (int d = 0; d < shape.valueSize(); d++) {
                    inner += grad.get(i, head * shape.valueSize() + d) * new Cells(out).get(i, head * shape.valueSize() + d);
                }
                for (int j = 0; j < keys.tokens(); j++) {
                    if (!sees(queries, i, keys, j)) {
                        continue;
                    }
                    double p = Math.exp(score(q1, k1, shape, i, j, head) - new Cells(logSumExp).get(i, head));
                    double dp = 0;
                    for (int d = 0; d < shape.valueSize(); d++) {
                        double g = grad.get(i, head * shape.valueSize() + d);
                        dp += g * v1.get(j, kvHead * shape.valueSize() + d);
                        valueShares[j][kvHead * shape.valueSize() + d] += p * g;
                    }
                    double ds = p * (dp - inner) * shape.scale();
                    for (int d = 0; d < shape.keySize(); d++) {
                        queryShares[i][head * shape.keySize() + d] += ds * k1.get(j, kvHead * shape.keySize() + d);
                        keyShares[j][kvHead * shape.keySize() + d] += ds * q1.get(i, head * shape.keySize() + d);
                    }
                }
            }
        }
        write(dq, queryShares, write);
        write(dk, keyShares, write);
        write(dv, valueShares, write);
    }

    private static void write(Tensor target, double[][] values, Write write) {
        Cells cells = new Cells(target);
        for (int r = 0; r < values.length; r++) {
            for (int c = 0; c < values[r].length; c++) {
                cells.write(r, c, values[r][c], write);
            }
        }
    }
}
