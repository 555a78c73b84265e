package ai.sparktron.trainer.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.comm.Ranks.Outcome;
import ai.sparktron.trainer.comm.socket.SocketSettings;
import ai.sparktron.trainer.comm.socket.SocketWorld;
import ai.sparktron.trainer.tensor.DType;
import java.io.File;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SocketWorldTest extends CommunicatorContract {

    @Override
    protected List<? extends World> worlds(int size, Duration collectiveTimeout) throws Exception {
        Meeting meeting = new Meeting(size);
        List<CompletableFuture<SocketWorld>> joining = new ArrayList<>();
        for (int rank = 0; rank < size; rank++) {
            int own = rank;
            joining.add(CompletableFuture.supplyAsync(() -> SocketWorld.join(own, size, value -> meeting.exchange(own, value),
                    settings("token", collectiveTimeout)), task -> new Thread(task).start()));
        }
        List<SocketWorld> worlds = new ArrayList<>();
        for (CompletableFuture<SocketWorld> world : joining) {
            worlds.add(world.get(20, TimeUnit.SECONDS));
        }
        return worlds;
    }

    private static SocketSettings settings(String token, Duration collectiveTimeout) {
        return new SocketSettings("127.0.0.1", token, Duration.ofSeconds(2), collectiveTimeout);
    }

    /** Ranks of one process that tell each other where they listen. */
    private static final class Meeting {
        private final AtomicReferenceArray<String> values;
        private final CyclicBarrier all;

        Meeting(int size) {
            values = new AtomicReferenceArray<>(size);
            all = new CyclicBarrier(size);
        }

        List<String> exchange(int rank, String value) {
            values.set(rank, value);
            try {
                all.await(20, TimeUnit.SECONDS);
            } catch (Exception late) {
                throw new CommunicationException("meeting", late);
            }
            List<String> answers = new ArrayList<>();
            for (int i = 0; i < values.length(); i++) {
                answers.add(values.get(i));
            }
            return answers;
        }
    }

    @Test
    void aProcessThatDoesNotKnowTheTokenIsTurnedAway() {
        Meeting meeting = new Meeting(2);
        List<World> nobody = List.of(new SelfWorld(), new SelfWorld());
        int[] next = {0};
        List<Outcome<SocketWorld>> outcomes = Ranks.outcomes(nobody, ignored -> {
            int rank;
            synchronized (next) {
                rank = next[0]++;
            }
            return SocketWorld.join(rank, 2, value -> meeting.exchange(rank, value), settings("token of attempt " + rank, Duration.ofSeconds(5)));
        });
        List<String> messages = outcomes.stream().map(outcome -> outcome.error().getMessage()).sorted().toList();
        assertTrue(messages.get(0).contains("rank 0 waited 2.0 s for the connections of ranks [1]")
                || messages.get(1).contains("rank 0 waited 2.0 s for the connections of ranks [1]"), messages.toString());
        assertTrue(messages.stream().anyMatch(message -> message.contains("does not know this attempt's token")), messages.toString());
    }

    @Test
    void strangersDoNotDisturbTheStart() throws Exception {
        Meeting meeting = new Meeting(2);
        List<World> nobody = List.of(new SelfWorld(), new SelfWorld());
        int[] next = {0};
        List<SocketWorld> worlds = Ranks.run(nobody, ignored -> {
            int rank;
            synchronized (next) {
                rank = next[0]++;
            }
            return SocketWorld.join(rank, 2, value -> {
                List<String> addresses = meeting.exchange(rank, value);
                if (rank == 1) {
                    int port = Integer.parseInt(addresses.get(0).split(":")[1]);
                    try (Socket stranger = new Socket()) {
                        stranger.connect(new InetSocketAddress("127.0.0.1", port));
                        stranger.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes());
                    } catch (java.io.IOException refused) {
                        throw new java.io.UncheckedIOException(refused);
                    }
                }
                return addresses;
            }, settings("token", Duration.ofSeconds(5)));
        });
        Ranks.run(worlds, world -> {
            world.all("all").barrier();
            return null;
        });
        Ranks.close(worlds);
    }

    /** A real process is killed while the other waits for it in a collective. */
    @Test
    void aKilledProcessIsNoticedAtOnce(@TempDir Path directory) throws Exception {
        Process process = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-cp", System.getProperty("java.class.path"),
                Peer.class.getName(), directory.toString()).redirectErrorStream(true).redirectOutput(directory.resolve("log").toFile()).start();
        try (SocketWorld world = SocketWorld.join(0, 2, value -> exchange(directory, 0, value), new SocketSettings("127.0.0.1", "token",
                Duration.ofSeconds(20), Duration.ofSeconds(60)))) {
            Communicator all = world.all("all");
            all.allReduce(HostTensors.of(DType.F32, 100), Reduction.SUM);
            process.destroyForcibly();
            long start = System.nanoTime();
            CommunicationException error = org.junit.jupiter.api.Assertions.assertThrows(CommunicationException.class,
                    () -> all.allReduce(HostTensors.of(DType.F32, 100), Reduction.SUM));
            assertTrue((System.nanoTime() - start) / 1e9 < 5, "noticed by the end of the connection, not by a deadline");
            assertTrue(error.getMessage().contains("rank 1 at"), error.getMessage());
            assertEquals(List.of(1), error.suspects());
            assertInstanceOf(PeerLostException.class, error.getCause());
        } finally {
            process.destroyForcibly();
        }
    }

    /** Rank 1 in a process of its own. */
    static final class Peer {
        public static void main(String[] arguments) throws Exception {
            Path directory = Path.of(arguments[0]);
            SocketWorld world = SocketWorld.join(1, 2, value -> exchange(directory, 1, value), new SocketSettings("127.0.0.1", "token",
                    Duration.ofSeconds(20), Duration.ofSeconds(60)));
            world.all("all").allReduce(HostTensors.of(DType.F32, 100), Reduction.SUM);
            Thread.sleep(60_000);
        }
    }

    private static List<String> exchange(Path directory, int rank, String value) {
        try {
            Path own = directory.resolve("rank" + rank + ".tmp");
            Files.writeString(own, value);
            Files.move(own, directory.resolve("rank" + rank));
            File other = directory.resolve("rank" + (1 - rank)).toFile();
            for (int i = 0; i < 200 && !other.exists(); i++) {
                Thread.sleep(100);
            }
            String theirs = Files.readString(other.toPath());
            return rank == 0 ? List.of(value, theirs) : List.of(theirs, value);
        } catch (Exception failure) {
            throw new CommunicationException("meeting through files", failure);
        }
    }
}
