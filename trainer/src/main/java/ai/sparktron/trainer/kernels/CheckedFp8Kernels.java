package ai.sparktron.trainer.kernels;

import static ai.sparktron.trainer.kernels.TensorCheck.matrix;
import static ai.sparktron.trainer.kernels.TensorCheck.vector;

import ai.sparktron.trainer.kernels.Quantised.Blocks;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.function.Predicate;

/** The checks of {@link Fp8Kernels} once for all engines, as {@link CheckedKernels} has those of {@link Kernels}. */
final class CheckedFp8Kernels implements Fp8Kernels {

    private final Fp8Kernels engine;
    private final Predicate<DType> supported;

    CheckedFp8Kernels(Fp8Kernels engine, Predicate<DType> supported) {
        this.engine = engine;
        this.supported = supported;
    }

    private TensorCheck check(String kernel) {
        return new TensorCheck(kernel, supported);
    }

    @Override
    public void largest(Tensor x, Tensor largest, Write write) {
        check("fp8 largest").computes(x).rank(2, x).scalar(largest).apart(largest, x);
        engine.largest(x, largest, write);
    }

    @Override
    public void quantise(Tensor x, Tensor largest, Quantised rows, Quantised turned, Tensor seen) {
        TensorCheck check = check("fp8 quantise").computes(x).rank(2, x).scalar(largest);
        results(check, x, rows, turned);
        for (Quantised result : new Quantised[] {rows, turned}) {
            check.that(result == null || result.blocks() == Blocks.WHOLE, () -> result + ": expected one scale");
        }
        if (seen != null) {
            check.scalar(seen).apart(seen, x, largest);
        }
        engine.quantise(x, largest, rows, turned, seen);
    }

    @Override
    public void quantiseBlocks(Tensor x, Quantised rows, Quantised turned) {
        TensorCheck check = check("fp8 quantiseBlocks").computes(x).rank(2, x);
        results(check, x, rows, turned);
        for (Quantised result : new Quantised[] {rows, turned}) {
            check.that(result == null || result.blocks() != Blocks.WHOLE, () -> result + ": expected a scale for each block");
        }
        check.that(rows == null || turned == null || rows.blocks() == turned.blocks(), () -> rows + " and " + turned + ": expected the same blocks");
        engine.quantiseBlocks(x, rows, turned);
    }

    @Override
    public void turn(Quantised rows, Quantised turned) {
        TensorCheck check = check("fp8 turn");
        results(check, rows.elements(), null, turned);
        check.sameType(rows.elements(), turned.elements()).that(rows.blocks() == turned.blocks() && rows.blocks() != Blocks.ROW_PIECES,
                () -> rows.blocks() + " into " + turned.blocks() + ": expected WHOLE or SQUARES of both; pieces of rows are not pieces of columns");
        engine.turn(rows, turned);
    }

    private static void results(TensorCheck check, Tensor x, Quantised rows, Quantised turned) {
        check.that(rows != null || turned != null, () -> "of " + x + " neither rows nor the transpose are wanted");
        if (rows != null) {
            check.sameShape(x, rows.elements()).apart(rows.elements(), x);
        }
        if (turned != null) {
            long padded = (x.rows() + Quantised.MULTIPLE - 1) / Quantised.MULTIPLE * Quantised.MULTIPLE;
            check.shape(turned.elements(), matrix(x.columns(), padded)).apart(turned.elements(), x);
        }
        if (rows != null && turned != null) {
            check.sameType(rows.elements(), turned.elements()).apart(rows.elements(), turned.elements());
        }
    }

    @Override
    public void product(Quantised a, Quantised b, Tensor out, Write write, Sums sums) {
        TensorCheck check = check("fp8 product").computes(out).rank(2, out);
        check.that(a.elements().columns() == b.elements().columns(), () -> "inner sizes differ: " + a.elements() + " times the transpose of " + b.elements());
        check.shape(out, matrix(a.elements().rows(), b.elements().rows())).apart(out, a.elements(), b.elements(), a.scales(), b.scales());
        check.that(a.blocks() == Blocks.WHOLE == (b.blocks() == Blocks.WHOLE) && !(a.blocks() == Blocks.SQUARES && b.blocks() == Blocks.SQUARES),
                () -> a.blocks() + " times " + b.blocks() + ": expected both WHOLE, or ROW_PIECES with ROW_PIECES or SQUARES");
        check.that(a.elements().dtype() == DType.F8_E4M3 || b.elements().dtype() == DType.F8_E4M3, () -> a.elements() + " times " + b.elements()
                + ": expected F8_E4M3 in one of them");
        engine.product(a, b, out, write, sums);
    }

    @Override
    public void remember(Tensor seen, Tensor history, long place, Outlook outlook, Tensor largest) {
        check("fp8 remember").type(DType.F32, seen, history, largest).rank(1, seen).rank(2, history).shape(largest, vector(seen.elements()))
                .shape(history, matrix(history.rows(), seen.elements())).apart(history, seen, largest).apart(seen, largest)
                .that(place >= 0 && place < history.rows(), () -> "place " + place + " of " + history);
        engine.remember(seen, history, place, outlook, largest);
    }
}
