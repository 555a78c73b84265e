package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.OptionParser;
import ai.sparktron.trainer.config.Options;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ranks as processes of this host: their results, lines and failures. */
@Timeout(60)
class HostProcessesTest {

    /** How the last rank ends; the others wait for it in a collective. */
    enum End { WELL, THROWS, DIES }

    private record Meeting(Options options, End end) implements HostTask<String> {

        private static final long serialVersionUID = 1L;

        @Override
        public String rankName() {
            return "rank";
        }

        @Override
        public String run(HostPlace place) {
            int rank = place.world().rank();
            place.line("here is " + rank + " on " + place.device());
            if (rank == place.world().size() - 1 && end == End.THROWS) {
                throw new IllegalArgumentException("a reason to end");
            }
            if (rank == place.world().size() - 1 && end == End.DIES) {
                Runtime.getRuntime().halt(9);
            }
            List<byte[]> met = place.world().all("meeting").allGather(new byte[] {(byte) (rank + 10)});
            return rank + " met " + met.stream().map(bytes -> bytes[0]).toList();
        }
    }

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private String meet(End end, String... words) throws Exception {
        Options options = OptionParser.parse(Command.VERIFY, words, Map.of(), OptionParser.Completeness.PARTIAL);
        PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
        return new HostProcesses(new Console(stream, stream)).run(new Meeting(options, end));
    }

    @Test
    void theFirstRanksResultAndAllLines() throws Exception {
        assertEquals("0 met [10, 11]", meet(End.WELL, "--num_ranks", "2"));
        List<String> lines = out.toString(StandardCharsets.UTF_8).lines().sorted().toList();
        assertEquals(List.of("[rank 1] here is 1 on 1", "here is 0 on 0"), lines);
    }

    @Test
    void ranksOfOneGpu() throws Exception {
        assertEquals("0 met [10]", meet(End.WELL, "--num_ranks", "1", "--shared_gpu", "true"));
        assertEquals("here is 0 on 0\n", out.toString(StandardCharsets.UTF_8));
    }

    /** Long before the limit of collectives, by which the others would find out. */
    @ParameterizedTest
    @CsvSource({"THROWS, rank 1: a reason to end|rank 0: .*rank 1.* a reason to end.*", "DIES, rank 1: its process ended with code 9.*|rank 0: .*rank 1.*"})
    void oneFailureEndsAll(End end, String message) {
        CommandException failure = assertThrows(CommandException.class, () -> meet(end, "--num_ranks", "2", "--shared_gpu", "true"));
        assertTrue(failure.getMessage().matches(message), failure.getMessage());
        assertTrue(end == End.THROWS || failure.code() == ExitCode.INFRASTRUCTURE, failure.code() + ": " + failure.getMessage());
        assertTrue(ProcessHandle.current().children().noneMatch(child -> child.info().commandLine().orElse("").contains(HostRank.class.getName())),
                "ranks are left over");
    }
}
