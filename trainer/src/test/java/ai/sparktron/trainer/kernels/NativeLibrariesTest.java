package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.Test;

/** Where libraries are looked for. */
class NativeLibrariesTest {

    /** What JavaCPP is told while it loads, and afterwards. */
    private static List<String> told(String folders, String presets) {
        Properties platform = new Properties();
        if (presets != null) {
            platform.setProperty(NativeLibraries.FOLDERS, presets);
        }
        List<String> told = new ArrayList<>();
        NativeLibraries.lookingFirstIn(folders, platform, () -> told.add(platform.getProperty(NativeLibraries.FOLDERS)));
        told.add(platform.getProperty(NativeLibraries.FOLDERS));
        return told;
    }

    @Test
    void theUsersFoldersComeFirstWhileItLoads() {
        assertEquals(List.of("/opt/one:/opt/two:/usr/local/cuda/lib64", "/usr/local/cuda/lib64"), told("/opt/one:/opt/two", "/usr/local/cuda/lib64"));
        assertEquals(Arrays.asList("/opt/one", null), told("/opt/one", null));
        assertEquals(List.of("/a", "/a"), told("", "/a"));
        assertEquals(List.of("/a", "/a"), told(null, "/a"));
    }

    @Test
    void otherBindingsKeepTheirFoldersWhenALibraryIsMissing() {
        Properties platform = new Properties();
        platform.setProperty(NativeLibraries.FOLDERS, "/a");
        assertThrows(UnsatisfiedLinkError.class, () -> NativeLibraries.lookingFirstIn("/b", platform, () -> {
            throw new UnsatisfiedLinkError("missing");
        }));
        assertEquals("/a", platform.getProperty(NativeLibraries.FOLDERS));
    }
}
