package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.DType;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The compiled sources of an engine, each compiled when one of its kernels is first used. */
final class Modules implements AutoCloseable {

    private static final Map<DType, String> NAMES = new EnumMap<>(Map.of(DType.F64, "f64", DType.F32, "f32", DType.BF16, "bf16", DType.F16, "f16"));

    private final CudaDevice device;
    private final CubinCache cache;
    private final Map<String, KernelModule> modules = new HashMap<>();
    private final List<KernelModule> opened = new ArrayList<>();

    Modules(CudaDevice device, CubinCache cache) {
        this.device = device;
        this.cache = cache;
    }

    /** A source beside these classes, compiled as it is. */
    KernelModule of(String resource) {
        return modules.computeIfAbsent(resource, name -> {
            KernelModule module = new KernelModule(device, cache, name, List.of());
            opened.add(module);
            return module;
        });
    }

    /** How sources spell a type. */
    static String name(DType dtype) {
        String name = NAMES.get(dtype);
        if (name == null) {
            throw new IllegalStateException("kernels have no type " + dtype);
        }
        return name;
    }

    /** The versions of a kernel by type. */
    Versions versions(String resource, String kernel) {
        return new Versions(this, resource, kernel);
    }

    @Override
    public void close() {
        opened.forEach(KernelModule::close);
    }

    /** One kernel for one or two types, vectorised or not: found by name once, then by number, so that a launch allocates nothing. */
    static final class Versions {
        private static final int TYPES = DType.values().length;
        private static final int MOST = 35 * TYPES;

        private final Modules modules;
        private final String resource;
        private final String kernel;
        private final Kernel[] found = new Kernel[MOST];

        private Versions(Modules modules, String resource, String kernel) {
            this.modules = modules;
            this.resource = resource;
            this.kernel = kernel;
        }

        /** Suffix {@code _bf16_v}. */
        Kernel of(DType dtype, boolean vector) {
            int at = dtype.ordinal() * 2 + (vector ? 1 : 0);
            if (found[at] == null) {
                found[at] = modules.of(resource).kernel(kernel + "_" + name(dtype) + (vector ? "_v" : "_s"));
            }
            return found[at];
        }

        /** Suffix {@code _bf16_f32_v}. */
        Kernel of(DType from, DType to, boolean vector) {
            int at = ((1 + from.ordinal()) * TYPES + to.ordinal()) * 2 + (vector ? 1 : 0);
            if (found[at] == null) {
                found[at] = modules.of(resource).kernel(kernel + "_" + name(from) + "_" + name(to) + (vector ? "_v" : "_s"));
            }
            return found[at];
        }

        /** Suffix {@code _bf16_f32}. */
        Kernel between(DType from, DType to) {
            int at = ((1 + from.ordinal()) * TYPES + to.ordinal()) * 2;
            if (found[at] == null) {
                found[at] = modules.of(resource).kernel(kernel + "_" + name(from) + "_" + name(to));
            }
            return found[at];
        }

        /** Suffix {@code _bf16}. */
        Kernel plain(DType dtype) {
            int at = dtype.ordinal() * 2;
            if (found[at] == null) {
                found[at] = modules.of(resource).kernel(kernel + "_" + name(dtype));
            }
            return found[at];
        }

        /** Suffix {@code _4_v}: by size alone. */
        Kernel bytes(int size, boolean vector) {
            int at = size * 2 + (vector ? 1 : 0);
            if (found[at] == null) {
                found[at] = modules.of(resource).kernel(kernel + "_" + size + (vector ? "_v" : "_s"));
            }
            return found[at];
        }

        /** Suffix {@code _bf16_2}: with a number that the source was compiled for, at most 32. */
        Kernel numbered(DType dtype, int number) {
            int at = (2 + number) * TYPES + dtype.ordinal();
            if (found[at] == null) {
                found[at] = modules.of(resource).kernel(kernel + "_" + name(dtype) + "_" + number);
            }
            return found[at];
        }
    }
}
