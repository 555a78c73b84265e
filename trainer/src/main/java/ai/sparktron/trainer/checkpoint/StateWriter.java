package ai.sparktron.trainer.checkpoint;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsWriter;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.TensorEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/** Writes one rank's state file, float32 whatever form states are kept in, piece by piece through one buffer of bounded size. */
public final class StateWriter {

    private static final int CHUNK_ELEMENTS = 4 << 20;

    private StateWriter() {
    }

    /**
     * Writes {@code state-RRRRR-of-WWWWW.safetensors} and syncs it.
     *
     * @param stateDirectory directory of the state files in the temporary checkpoint
     * @param rank           this rank
     * @param worldSize      number of ranks
     * @param pieces         what to write; several may be pieces of one tensor
     * @return what the manifest says of the file
     * @throws CheckpointException when writing fails (full disk ...), naming the file
     */
    public static CheckpointManifest.StateFile write(Path stateDirectory, int rank, int worldSize, List<StatePiece> pieces) {
        Path file = stateDirectory.resolve(String.format("state-%05d-of-%05d.safetensors", rank, worldSize));
        List<TensorEntry> announced = new ArrayList<>();
        List<String> names = CheckpointManifest.StateFile.tensorNames(pieces.stream().map(StatePiece::key).toList());
        for (int i = 0; i < pieces.size(); i++) {
            StatePiece piece = pieces.get(i);
            announced.add(new TensorEntry(names.get(i), DType.F32, Shape.of(piece.slice().elements())));
        }
        Map<String, String> metadata = Map.of("format", CheckpointManifest.FORMAT, "version", Integer.toString(CheckpointManifest.VERSION));
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, announced, metadata)) {
            List<CheckpointManifest.Entry> entries = new ArrayList<>();
            ByteBuffer chunk = ByteBuffer.allocateDirect(chunkBytes(pieces)).order(ByteOrder.nativeOrder());
            for (int i = 0; i < pieces.size(); i++) {
                StatePiece piece = pieces.get(i);
                entries.add(new CheckpointManifest.Entry(piece.state(), piece.slice(), writePiece(writer, names.get(i), piece, chunk)));
            }
            writer.commit();
            return new CheckpointManifest.StateFile(file.getFileName().toString(), Files.size(file), entries);
        } catch (IOException e) {
            throw new CheckpointException("cannot write the state file " + file + ": " + e + "; earlier checkpoints are untouched", e);
        }
    }

    private static long writePiece(SafetensorsWriter writer, String name, StatePiece piece, ByteBuffer chunk) throws IOException {
        CRC32C crc = new CRC32C();
        long total = piece.slice().elements();
        for (long done = 0; done < total; done += CHUNK_ELEMENTS) {
            int count = (int) Math.min(CHUNK_ELEMENTS, total - done);
            chunk.clear().limit(count * Float.BYTES);
            piece.numbers().read(piece.from() + done, chunk);
            crc.update(chunk.rewind());
            writer.write(name, chunk.rewind());
        }
        return crc.getValue();
    }

    private static int chunkBytes(List<StatePiece> pieces) {
        long largest = pieces.stream().mapToLong(piece -> piece.slice().elements()).max().orElse(1);
        return (int) Math.min(CHUNK_ELEMENTS, Math.max(1, largest)) * Float.BYTES;
    }
}
