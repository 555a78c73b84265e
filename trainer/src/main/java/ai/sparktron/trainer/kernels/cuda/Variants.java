package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * One kernel of a source that is compiled for types and numbers: {@code TYPE}, {@code RESULT}, {@code LANES} (elements that a thread moves at once) and
 * {@code SIZE} of the source are defined as they are asked for. Found by number, so that a launch allocates nothing. A kernel is always asked for by the same
 * method.
 */
final class Variants {

    private final Modules modules;
    private final List<String> before;
    private final String resource;
    private final String kernel;
    private long[] codes = new long[4];
    private Kernel[] found = new Kernel[4];
    private int count;

    /** @param before sources that are put before it */
    Variants(Modules modules, List<String> before, String resource, String kernel) {
        this.modules = modules;
        this.before = before;
        this.resource = resource;
        this.kernel = kernel;
    }

    /** How a source spells a type. */
    static String spelled(DType dtype) {
        return switch (dtype) {
            case F64 -> "double";
            case F32 -> "float";
            case BF16 -> "bf16";
            case F16 -> "f16";
            case I64 -> "i64";
            case I32 -> "int";
            case U8, BOOL -> "unsigned char";
            case F8_E4M3 -> "e4m3";
            case F8_E5M2 -> "e5m2";
            case I16 -> throw new IllegalStateException("kernels do not compute with " + dtype);
        };
    }

    /** Operands and results of one type. */
    Kernel of(DType type, int lanes) {
        return of(type, type, lanes, 0);
    }

    Kernel of(DType type, DType result, int lanes) {
        return of(type, result, lanes, 0);
    }

    /** @param size {@code SIZE}, or 0 where the source has none */
    Kernel of(DType type, DType result, int lanes, int size) {
        long code = (((long) size << Integer.SIZE | lanes) * DType.values().length + type.ordinal()) * DType.values().length + result.ordinal();
        Kernel known = find(code);
        if (known != null) {
            return known;
        }
        List<String> defines = new ArrayList<>(List.of("TYPE=" + spelled(type), "RESULT=" + spelled(result), "LANES=" + lanes));
        if (size > 0) {
            defines.add("SIZE=" + size);
        }
        return keep(code, module(defines).kernel(kernel));
    }

    /** As bits: {@code TYPE} is the unsigned integer of the type's size. */
    Kernel ofBits(DType type, int lanes) {
        long code = (long) lanes * Long.BYTES + type.sizeBytes() - 1;
        Kernel known = find(code);
        return known != null ? known : keep(code, module(List.of("TYPE=" + bits(type.sizeBytes()), "LANES=" + lanes)).kernel(kernel));
    }

    private static String bits(int size) {
        return switch (size) {
            case 1 -> "unsigned char";
            case 2 -> "unsigned short";
            case 4 -> "unsigned";
            case 8 -> "u64";
            default -> throw new IllegalStateException("elements of " + size + " bytes");
        };
    }

    /** The optimizer's: each of its states has a type of its own; {@code main} is null where the value is the main weight. */
    Kernel ofStates(DType value, DType main, DType gradient, DType first, DType second, int lanes) {
        int types = DType.values().length;
        long code = (((((long) lanes * types + value.ordinal()) * (types + 1) + (main == null ? types : main.ordinal())) * types + gradient.ordinal()) * types
                + first.ordinal()) * types + second.ordinal();
        Kernel known = find(code);
        return known != null ? known : keep(code, module(List.of("VALUE=" + state(value), "MAIN=" + (main == null ? "void" : state(main)),
                "GRADIENT=" + state(gradient), "FIRST=" + state(first), "SECOND=" + state(second), "LANES=" + lanes)).kernel(kernel));
    }

    /** How {@code update.cu} spells a type. */
    private static String state(DType dtype) {
        return switch (dtype) {
            case I16 -> "Low";
            case F8_E4M3 -> "f8";
            case F64, F32, BF16, F16, F8_E5M2, I64, I32, U8, BOOL -> spelled(dtype);
        };
    }

    private KernelModule module(List<String> defines) {
        return before.isEmpty() ? modules.of(resource, defines) : modules.of(Stream.concat(before.stream(), Stream.of(resource)).toList(), defines);
    }

    private Kernel find(long code) {
        for (int i = 0; i < count; i++) {
            if (codes[i] == code) {
                return found[i];
            }
        }
        return null;
    }

    private Kernel keep(long code, Kernel made) {
        if (count == codes.length) {
            codes = Arrays.copyOf(codes, 2 * count);
            found = Arrays.copyOf(found, 2 * count);
        }
        codes[count] = code;
        found[count++] = made;
        return made;
    }
}
