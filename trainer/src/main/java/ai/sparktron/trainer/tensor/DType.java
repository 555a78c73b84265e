package ai.sparktron.trainer.tensor;

/** Element types, with the names safetensors files use. */
public enum DType {
    F64(8), F32(4), BF16(2), F16(2), F8_E4M3(1), F8_E5M2(1), I64(8), I32(4), I16(2), U8(1), BOOL(1);

    private final int sizeBytes;

    DType(int sizeBytes) {
        this.sizeBytes = sizeBytes;
    }

    /** Bytes of one element. */
    public int sizeBytes() {
        return sizeBytes;
    }

    /** Whether values are real numbers. */
    public boolean isFloatingPoint() {
        return switch (this) {
            case F64, F32, BF16, F16, F8_E4M3, F8_E5M2 -> true;
            case I64, I32, I16, U8, BOOL -> false;
        };
    }
}
