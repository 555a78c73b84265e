package ai.sparktron.trainer.kernels;

import java.io.File;
import java.util.Properties;
import org.bytedeco.javacpp.Loader;

/**
 * The host's libraries behind JavaCPP's bindings. Those in folders of {@code LD_LIBRARY_PATH} come first, as with any other program. Left to itself JavaCPP takes a
 * library without a version in its name ({@code libcudnn.so}, of a package for developers) from the system's folders before one with its version
 * ({@code libcudnn.so.9}, as pip and images have it) from a folder that the user named: an older cuDNN than asked for, without a word.
 */
public final class NativeLibraries {

    /** JavaCPP's name for the folders in which it looks for files before it asks the JVM and the dynamic linker. */
    static final String FOLDERS = "platform.preloadpath";

    private NativeLibraries() {
    }

    /**
     * Loads what a binding stands on, and the binding.
     *
     * @param binding class of a preset
     * @throws LinkageError when a library is missing
     */
    public static void load(Class<?> binding) {
        lookingFirstIn(System.getenv("LD_LIBRARY_PATH"), Loader.loadProperties(), () -> Loader.load(binding));
    }

    /**
     * Bindings load themselves when they are initialised, with JavaCPP's own properties: so it is those that say where to look, for as long as that takes.
     *
     * @param folders as in {@code LD_LIBRARY_PATH}; null and empty = none
     */
    static void lookingFirstIn(String folders, Properties platform, Runnable loading) {
        if (folders == null || folders.isEmpty()) {
            loading.run();
            return;
        }
        synchronized (NativeLibraries.class) {
            String others = platform.getProperty(FOLDERS);
            platform.setProperty(FOLDERS, others == null || others.isEmpty() ? folders : folders + File.pathSeparator + others);
            try {
                loading.run();
            } finally {
                if (others == null) {
                    platform.remove(FOLDERS);
                } else {
                    platform.setProperty(FOLDERS, others);
                }
            }
        }
    }
}
