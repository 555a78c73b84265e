package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.Ranks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SharedFolderCheckTest {

    @TempDir
    private Path directory;

    private List<Throwable> check(int ranks, IntFunction<Path> folders) {
        return Ranks.outcomes(InProcessWorld.create(ranks, Duration.ofSeconds(20)), world -> {
            SharedFolderCheck.require(folders.apply(world.rank()), world.all("all"), "attempt-1", "host-" + world.rank(), Duration.ofMillis(300));
            return null;
        }).stream().map(Ranks.Outcome::error).toList();
    }

    @Test
    void aSharedFolderIsLeftAsItWas() throws IOException {
        check(3, rank -> directory).forEach(error -> assertEquals(null, error));
        try (Stream<Path> left = Files.list(directory)) {
            assertEquals(0, left.count());
        }
    }

    @Test
    void hostsThatSeeSomethingElseAreNamedOnAllRanks() throws IOException {
        Path other = Files.createDirectory(directory.resolve("other"));
        Path mine = Files.createDirectory(directory.resolve("mine"));
        List<Throwable> errors = check(3, rank -> rank == 1 ? other : mine);
        assertEquals(3, errors.size());
        for (Throwable error : errors) {
            assertInstanceOf(TrainingException.class, error);
            assertTrue(error.getMessage().contains("rank 1 on host-1 does not see it") && error.getMessage().contains("rank 0 on host-0")
                    && error.getMessage().contains("--save") && !error.getMessage().contains("rank 2"), error.getMessage());
        }
    }

    @Test
    void aFolderThatIsMissingOnAHostIsSaid() throws IOException {
        List<Throwable> errors = check(2, rank -> rank == 0 ? directory.resolve("missing") : directory);
        assertTrue(errors.get(1).getMessage().contains("rank 0 on host-0 cannot write there"), errors.get(1).getMessage());
    }
}
