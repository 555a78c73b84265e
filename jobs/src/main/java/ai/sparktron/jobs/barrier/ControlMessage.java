package ai.sparktron.jobs.barrier;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One message of the control protocol. It travels as bytes, so that no class of ours is needed by the channel that carries it.
 *
 * @param kind   what it is
 * @param fields by name; a rank's messages have {@code token} and, once it has one, {@code rank}
 */
record ControlMessage(Kind kind, Map<String, String> fields) {

    /** Requests of ranks, then answers of the driver. */
    enum Kind {
        /** Here I am: {@code partition host executor pid gpu code}. Repeated until the answer is {@link #TOPOLOGY}. */
        REGISTER,
        /** I listen at {@code address}. Repeated until the answer is {@link #ADDRESSES}. */
        ADDRESS,
        /** {@code step steps phase figure.* line.*}. */
        HEARTBEAT,
        /** May I still publish {@code step}? */
        MAY_COMMIT,
        /** A checkpoint at {@code location} of {@code step} is complete. */
        COMMITTED,
        /** {@code error message stack suspects}, and a heartbeat's fields. The answer's {@code retire} says whether the process should go. */
        FAILED,
        /** The program returned; a heartbeat's fields. */
        FINISHED,

        /** Go on. */
        OK,
        /** Not all ranks are there; ask again. */
        WAIT,
        /** {@code place.0 ...}: the ranks' places in order. */
        TOPOLOGY,
        /** {@code address.0 ...}. */
        ADDRESSES,
        /** The attempt is over because of {@code reason}. */
        ABORT
    }

    ControlMessage {
        fields = Map.copyOf(fields);
    }

    static ControlMessage of(Kind kind, String... namesAndValues) {
        Map<String, String> fields = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            fields.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return new ControlMessage(kind, fields);
    }

    /** @throws IllegalArgumentException when it is missing */
    String field(String name) {
        String value = fields.get(name);
        if (value == null) {
            throw new IllegalArgumentException("message " + kind + " has no field " + name + "; it has " + fields.keySet());
        }
        return value;
    }

    int intField(String name) {
        return Integer.parseInt(field(name));
    }

    byte[] encode() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeInt(kind.ordinal());
            out.writeInt(fields.size());
            for (Map.Entry<String, String> field : fields.entrySet()) {
                write(out, field.getKey());
                write(out, field.getValue());
            }
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return bytes.toByteArray();
    }

    static ControlMessage decode(byte[] bytes) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            Kind kind = Kind.values()[in.readInt()];
            int count = in.readInt();
            Map<String, String> fields = new LinkedHashMap<>();
            for (int i = 0; i < count; i++) {
                String name = read(in);
                fields.put(name, read(in));
            }
            return new ControlMessage(kind, fields);
        } catch (IOException | RuntimeException broken) {
            throw new IllegalArgumentException("a control message of " + bytes.length + " bytes cannot be read", broken);
        }
    }

    private static void write(DataOutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static String read(DataInputStream in) throws IOException {
        int length = in.readInt();
        byte[] bytes = in.readNBytes(length);
        if (bytes.length != length) {
            throw new IOException("cut short");
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
