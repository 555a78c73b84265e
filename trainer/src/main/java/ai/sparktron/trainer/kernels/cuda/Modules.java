package ai.sparktron.trainer.kernels.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The compiled sources of an engine, each compiled for given types and numbers when one of its kernels is first used so. */
final class Modules implements AutoCloseable {

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
        return of(resource, List.of());
    }

    /** A source beside these classes, compiled with given defines. */
    KernelModule of(String resource, List<String> defines) {
        return modules.computeIfAbsent(resource + defines, key -> {
            KernelModule module = new KernelModule(device, cache, resource, defines);
            opened.add(module);
            return module;
        });
    }

    /** Sources beside these classes, one after the other, compiled with defines. */
    KernelModule of(List<String> resources, List<String> defines) {
        String name = String.join("+", resources);
        return modules.computeIfAbsent(name + " " + defines, key -> {
            StringBuilder source = new StringBuilder(KernelCompiler.source("types.cuh"));
            resources.forEach(resource -> source.append("\n#line 1 \"").append(resource).append("\"\n").append(KernelCompiler.source(resource)));
            KernelModule module = new KernelModule(device, cache, name, source.toString(), defines);
            opened.add(module);
            return module;
        });
    }

    /** A kernel of a source that is compiled for the types it is used with. */
    Variants variants(String resource, String kernel) {
        return variants(List.of(), resource, kernel);
    }

    /** As above, with sources that are put before it. */
    Variants variants(List<String> before, String resource, String kernel) {
        return new Variants(this, before, resource, kernel);
    }

    @Override
    public void close() {
        opened.forEach(KernelModule::close);
    }
}
