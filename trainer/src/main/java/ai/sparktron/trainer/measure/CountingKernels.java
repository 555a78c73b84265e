package ai.sparktron.trainer.measure;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.tensor.Tensor;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;

/**
 * Kernels that do nothing but count. A proxy of the interface, not a class of it: whatever kernel the contract gets is counted by the bytes of its operands, and only
 * kernels whose work is in operations are known by name.
 */
final class CountingKernels implements InvocationHandler {

    private static final double FORWARD_PRODUCTS = 2;
    private static final double BACKWARD_PRODUCTS = 5;

    private Work work = Work.NONE;
    private TokenLayout queries;
    private TokenLayout keys;
    private long pairs;
    private long experts;
    private int[] integers = {0};

    /** Counted so far. */
    Work work() {
        return work;
    }

    /** Integers that a run would read back: those last written to the device, or where the rows of each expert begin. */
    int[] integers() {
        return integers.clone();
    }

    void written(int[] values) {
        integers = values.clone();
    }

    Kernels kernels() {
        return proxy(Kernels.class);
    }

    private <T> T proxy(Class<T> type) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, this));
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) {
        if (method.getReturnType().isInterface()) {
            return proxy(method.getReturnType());
        }
        if (method.getReturnType() != void.class) {
            throw new IllegalStateException("kernel " + method.getName() + " returns " + method.getReturnType() + ", which kernels that only count do not have");
        }
        switch (method.getName()) {
            case "matmul" -> work = work.plus(new Work(product((Tensor) arguments[0], (Tensor) arguments[4]), 0, 0, 0));
            case "linear" -> work = work.plus(new Work(product((Tensor) arguments[0], (Tensor) arguments[3]), 0, 0, 0));
            case "product" -> work = work.plus(new Work(0, product(((Quantised) arguments[0]).elements(), (Tensor) arguments[2]), 0, 0));
            case "groupedMatmul" -> work = work.plus(new Work(2.0 * ((Tensor) arguments[0]).elements() * ((Tensor) arguments[4]).columns(), 0, 0, 0));
            case "groupedMatmulGrad" -> work = work.plus(new Work(2.0 * ((Tensor) arguments[0]).elements() * ((Tensor) arguments[1]).columns(), 0, 0, 0));
            case "attention" -> attention((AttentionShape) arguments[3], (TokenLayout) arguments[4], (TokenLayout) arguments[5], FORWARD_PRODUCTS);
            case "attentionGrad" -> attention((AttentionShape) arguments[6], (TokenLayout) arguments[7], (TokenLayout) arguments[8], BACKWARD_PRODUCTS);
            case "route" -> {
                experts = Math.max(experts, ((Tensor) arguments[0]).columns()); // A gate of shared experts is routed too, as one expert.
                work = work.plus(new Work(0, 0, 0, bytes(arguments)));
            }
            case "sortByExpert" -> {
                spread(((Tensor) arguments[0]).elements(), ((Tensor) arguments[2]).elements());
                work = work.plus(new Work(0, 0, 0, bytes(arguments)));
            }
            default -> work = work.plus(new Work(0, 0, 0, bytes(arguments)));
        }
        return null;
    }

    /** Every expert is chosen as often as the others. */
    private void spread(long slots, long ends) {
        integers = new int[Math.toIntExact(ends)];
        Arrays.setAll(integers, expert -> (int) (slots * expert / Math.max(experts, ends - 1)));
    }

    /** 2 M N K of [M, N] = [M, K] [K, N], whichever operands are transposed: the elements of {@code a} are M K. */
    private static double product(Tensor a, Tensor out) {
        double inner = (double) a.elements() / out.rows();
        return 2.0 * out.elements() * inner;
    }

    private void attention(AttentionShape shape, TokenLayout asking, TokenLayout asked, double products) {
        if (asking != queries || asked != keys) {
            queries = asking;
            keys = asked;
            pairs = pairs(asking, asked);
        }
        work = work.plus(new Work(0, 0, products * pairs * shape.heads() * (shape.keySize() + shape.valueSize()), 0));
    }

    /** Pairs of a query and a key that it sees: of the same document, at the same or a smaller position. */
    private static long pairs(TokenLayout queries, TokenLayout keys) {
        long pairs = 0;
        int key = 0;
        int start = 0;
        for (int query = 0; query < queries.tokens(); query++) {
            int document = queries.hostDocuments()[query];
            while (start < keys.tokens() && keys.hostDocuments()[start] < document) {
                start++;
            }
            key = Math.max(key, start);
            while (key < keys.tokens() && keys.hostDocuments()[key] == document && keys.hostPositions()[key] <= queries.hostPositions()[query]) {
                key++;
            }
            pairs += key - start;
        }
        return pairs;
    }

    private static double bytes(Object[] arguments) {
        double bytes = 0;
        for (Object argument : arguments == null ? new Object[0] : arguments) {
            bytes += argument instanceof Tensor tensor ? tensor.sizeBytes() : argument instanceof Quantised matrix ? matrix.elements().sizeBytes() : 0;
        }
        return bytes;
    }
}
