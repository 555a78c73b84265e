package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Fp8Kernels;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.Quantised.Blocks;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** Eight bits on a GPU: {@code quantise.cu} and {@code magnitudes.cu}, and cuBLASLt's products. */
final class CudaFp8 implements Fp8Kernels {

    /** Oldest compute capability whose tensor cores take these types: Ada. */
    private static final int OLDEST = 89;
    /** The only one for which cuBLASLt has scales in float32 for blocks: Hopper. */
    private static final int OF_BLOCKS = 90;

    private static final int LANES = 4;
    private static final int THREADS = 256;
    private static final int TILE = (int) Quantised.BLOCK;

    /** What {@code SIZE} of {@code quantise.cu} says. */
    private static final int ROWS = 1;
    private static final int TURNED = 2;
    private static final int SEEN = 4;
    private static final int PIECES = 8;
    private static final int SQUARES = 16;
    /** And of {@code turn.cu}. */
    private static final int TURN_WHOLE = 1;
    private static final int TURN_SQUARES = 2;

    private final CudaDevice device;
    private final DeviceProducts products;
    private final ElementwiseKernels elementwise;
    private final Grid grid;
    private final Variants quantise;
    private final Variants turn;
    private final Variants largest;
    private final Variants remember;

    /** @throws UnsupportedOperationException when the GPU is too old */
    CudaFp8(CudaDevice device, Modules modules, DeviceProducts products, ElementwiseKernels elementwise) {
        if (device.capability() < OLDEST) {
            throw new UnsupportedOperationException("--fp8_format: " + device.name() + " has compute capability " + device.capability() / 10.0 + ", its tensor cores do not"
                    + " multiply in eight bits, which begins with 8.9; leave the option out");
        }
        this.device = device;
        this.products = products;
        this.elementwise = elementwise;
        this.grid = new Grid(device.multiprocessors());
        this.quantise = modules.variants("quantise.cu", "quantise");
        this.turn = modules.variants("turn.cu", "turn");
        this.largest = modules.variants("magnitudes.cu", "largest");
        this.remember = modules.variants("magnitudes.cu", "remember");
    }

    /** Reads x once. */
    @Override
    public void largest(Tensor x, Tensor result, Write write) {
        if (write == Write.OVERWRITE) {
            elementwise.fill(result, 0);
        }
        grid.over(x, Grid.lanes(x)).with(x);
        grid.launch(largest.of(x.dtype(), grid.lanes()).matrix(x).pointer(result));
    }

    /** Reads x once and writes half of its bytes for each result. */
    @Override
    public void quantise(Tensor x, Tensor magnitude, Quantised rows, Quantised turned, Tensor seen) {
        launch(x, magnitude, rows, turned, seen, seen == null ? 0 : SEEN);
    }

    @Override
    public void quantiseBlocks(Tensor x, Quantised rows, Quantised turned) {
        launch(x, null, rows, turned, null, (rows == null ? turned : rows).blocks() == Blocks.SQUARES ? SQUARES : PIECES);
    }

    private void launch(Tensor x, Tensor magnitude, Quantised rows, Quantised turned, Tensor seen, int more) {
        int wanted = (rows == null ? 0 : ROWS) + (turned == null ? 0 : TURNED) + more;
        DType type = (rows == null ? turned : rows).elements().dtype();
        Kernel kernel = quantise.of(x.dtype(), type, Grid.aligned(x, LANES) ? LANES : 1, wanted).matrix(x).longInteger(x.rows()).longInteger(x.columns())
                .pointerOrNone(magnitude).pointerOrNone(rows == null ? null : rows.elements());
        scales(kernel, rows).pointerOrNone(turned == null ? null : turned.elements()).longInteger(turned == null ? 0 : turned.elements().columns());
        scales(kernel, turned).pointerOrNone(seen).launch(tiles(x.columns()), tiles(x.rows()), 1, THREADS, 0);
    }

    /** Reads and writes the bytes of the matrix. */
    @Override
    public void turn(Quantised rows, Quantised turned) {
        Tensor from = rows.elements();
        Kernel kernel = turn.of(DType.U8, DType.U8, Grid.aligned(from, LANES) ? LANES : 1, rows.blocks() == Blocks.SQUARES ? TURN_SQUARES : TURN_WHOLE).pointer(from)
                .longInteger(from.rows()).longInteger(from.columns());
        scales(scales(kernel, rows).pointer(turned.elements()).longInteger(turned.elements().columns()), turned)
                .launch(tiles(from.columns()), tiles(from.rows()), 1, THREADS, 0);
    }

    private static Kernel scales(Kernel kernel, Quantised matrix) {
        return matrix == null ? kernel.pointer(0).longInteger(0) : kernel.pointer(matrix.scales()).longInteger(matrix.scales().columns());
    }

    private static int tiles(long size) {
        return Math.toIntExact((size + TILE - 1) / TILE);
    }

    @Override
    public void product(Quantised a, Quantised b, Tensor out, Write write, Sums sums) {
        if (a.blocks() != Blocks.WHOLE && device.capability() != OF_BLOCKS) {
            throw new CudaException("--fp8_recipe blockwise: " + device.name() + " has compute capability " + device.capability() / 10.0 + ", cuBLASLt has products with float32"
                    + " scales for blocks on 9.0 (Hopper) alone; use --fp8_recipe tensorwise");
        }
        // cuBLASLt has no products of blocks with fast sums.
        products.product(a, b, out, write, a.blocks() == Blocks.WHOLE ? sums : Sums.EXACT);
    }

    @Override
    public void remember(Tensor seen, Tensor history, long place, Outlook outlook, Tensor expected) {
        int matrices = Math.toIntExact(seen.elements());
        remember.of(DType.F32, 1).pointer(seen).pointer(history).longInteger(matrices).longInteger(history.rows()).longInteger(place)
                .integer(outlook == Outlook.MOST_RECENT ? 1 : 0).pointer(expected).launch((matrices + THREADS - 1) / THREADS, 1, 1, THREADS, 0);
    }
}
