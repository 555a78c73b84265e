package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.seam.DealtLayout;
import ai.sparktron.trainer.seam.TokenDeal;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A micro-batch on the engine, or this rank's part of it.
 *
 * @param ids     I32 [T]
 * @param layout  documents
 * @param dealt   documents of all ranks' parts; null = all tokens are here
 * @param targets what is trained; null = no loss is asked for
 * @param reach   1 + the largest position of the whole micro-batch
 * @param names   of the tokens, for what is left out at random; null = nothing is left out
 * @param keys    float32 [T], {@link TokenNames#keys} on the engine, where names travel with tokens to other ranks; null without names
 * @param whole   of which this may be a part
 */
record TokenBatch(Tensor ids, TokenLayout layout, DealtLayout dealt, Targets targets, int reach, TokenNames names, Tensor keys, WholeBatch whole) {

    /**
     * The trained tokens alone: the head works on no others.
     *
     * @param count     N, may be 0
     * @param rows      I32 [N] index of each in the micro-batch; null when all are trained
     * @param labels    I32 [N]
     * @param scale     float32 [N] factor on each one's loss and gradient
     * @param names     of these tokens, see {@link TokenBatch#names}
     * @param documents document of each in the whole micro-batch, on the host
     * @param weights   weight of each, on the host
     */
    record Targets(int count, Tensor rows, Tensor labels, Tensor scale, TokenNames names, int[] documents, float[] weights) {
    }

    /** The same, whose loss as a whole has another factor. */
    TokenBatch weighted(double factor) {
        return new TokenBatch(ids, layout, dealt, targets, reach, names, keys, new WholeBatch(whole.tokens(), whole.ownTokens(), whole.documentTokens(), (float) factor));
    }

    /** The same batch as far as names go, of other tokens, which do not travel. */
    TokenBatch named(TokenNames others) {
        return new TokenBatch(ids, layout, dealt, targets, reach, others, null, whole);
    }

    /** The same batch as far as names go, of some tokens that are neighbours. */
    TokenBatch named(int from, int count) {
        TokenNames some = names == null ? null : names.pick(IntStream.range(from, from + count).toArray());
        return new TokenBatch(ids, layout, dealt, targets, reach, some, keys == null ? null : keys.rows(from, count), whole);
    }

    /**
     * @param whole     the micro-batch
     * @param deal      says which of its tokens come here
     * @param lossScale factor on all losses
     */
    static TokenBatch upload(HostTokens whole, TokenDeal deal, float lossScale, Engine engine, Arena.Frame frame) {
        WholeBatch facts = WholeBatch.of(whole, deal.held(deal.rank(), whole.tokens()), lossScale);
        if (deal.ranks() == 1) {
            return upload(whole, layout(whole, engine, frame), null, facts, lossScale, engine, frame);
        }
        List<TokenLayout> parts = new ArrayList<>();
        HostTokens own = null;
        for (int rank = 0; rank < deal.ranks(); rank++) {
            HostTokens part = whole.pick(deal.held(rank, whole.tokens()));
            parts.add(layout(part, engine, frame));
            own = rank == deal.rank() ? part : own;
        }
        return upload(own, parts.get(deal.rank()), new DealtLayout(layout(whole, engine, frame), parts), facts, lossScale, engine, frame);
    }

    /**
     * The same tokens, in whose place the layers see those that come so many after them in their documents, and learn their targets.
     *
     * @param micro     the whole micro-batch, as {@link #upload} had it
     * @param lossScale factor on the losses
     */
    TokenBatch ahead(int distance, HostTokens micro, TokenDeal deal, float lossScale, Engine engine, Arena.Frame frame) {
        HostTokens further = micro.ahead(distance);
        HostTokens own = deal.ranks() == 1 ? further : further.pick(deal.held(deal.rank(), micro.tokens()));
        Tensor furtherIds = frame.tensor("further ids", DType.I32, own.tokens());
        engine.write(furtherIds, HostArrays.bytes(own.ids()));
        return new TokenBatch(furtherIds, layout, dealt, targets(own, lossScale, engine, frame), reach, names, keys, whole);
    }

    /**
     * One token of each of B sequences, that is as many documents of one token. Where they are in their sequences is known on the engine alone: of the layout only
     * {@code positions} is to be read.
     *
     * @param ids       I32 [B]
     * @param positions I32 [B], each below {@code reach}
     */
    static TokenBatch step(Tensor ids, Tensor positions, int reach) {
        int sequences = (int) ids.elements();
        int[] documents = IntStream.range(0, sequences).toArray();
        TokenLayout layout = new TokenLayout(sequences, positions, null, TokenLayout.startsOf(documents), new int[sequences], documents);
        return new TokenBatch(ids, layout, null, null, reach, null, null, new WholeBatch(0, 0, new int[0], 0));
    }

    private static TokenBatch upload(HostTokens own, TokenLayout layout, DealtLayout dealt, WholeBatch whole, float lossScale, Engine engine,
                                     Arena.Frame frame) {
        Tensor ids = frame.tensor("ids", DType.I32, own.tokens());
        engine.write(ids, HostArrays.bytes(own.ids()));
        return new TokenBatch(ids, layout, dealt, own.labels() == null ? null : targets(own, lossScale, engine, frame), own.reach(), own.names(),
                keys(own, engine, frame), whole);
    }

    private static Tensor keys(HostTokens own, Engine engine, Arena.Frame frame) {
        if (own.names() == null) {
            return null;
        }
        Tensor keys = frame.tensor("keys", DType.F32, own.tokens());
        engine.write(keys, HostArrays.bytes(own.names().keys(own.tokens())));
        return keys;
    }

    private static TokenLayout layout(HostTokens host, Engine engine, Arena.Frame frame) {
        int tokens = host.tokens();
        Tensor integers = frame.tensor("layout", DType.I32, 2L * tokens);
        int[] values = new int[2 * tokens];
        System.arraycopy(host.positions(), 0, values, 0, tokens);
        System.arraycopy(host.documents(), 0, values, tokens, tokens);
        engine.write(integers, HostArrays.bytes(values));
        return new TokenLayout(tokens, integers.rows(0, tokens), integers.rows(tokens, tokens), TokenLayout.startsOf(host.documents()), host.positions(),
                host.documents());
    }

    private static Targets targets(HostTokens host, float lossScale, Engine engine, Arena.Frame frame) {
        int count = host.trainedTokens();
        if (count == 0) {
            return new Targets(0, null, null, null, null, new int[0], new float[0]);
        }
        int[] rows = new int[count];
        int[] labels = new int[count];
        float[] scale = new float[count];
        int[] documents = new int[count];
        float[] weights = new float[count];
        int next = 0;
        for (int t = 0; t < host.tokens(); t++) {
            if (host.labels()[t] >= 0) {
                rows[next] = t;
                labels[next] = host.labels()[t];
                documents[next] = host.documents()[t];
                weights[next] = host.weights() == null ? 1 : host.weights()[t];
                scale[next] = lossScale * weights[next];
                next++;
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
        return new Targets(count, rowTensor, labelTensor, scaleTensor, host.names() == null ? null : host.names().pick(rows),
                documents, weights);
    }
}
