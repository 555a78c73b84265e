package ai.sparktron.trainer.comm.socket;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * First bytes on a connection: both sides prove that they know the attempt token without sending it, and the caller says which rank it is. A zombie of
 * an old attempt, or a stranger, is turned away here.
 */
public final class Handshake {

    private static final int MAGIC = 0x53505431;
    private static final int NONCE_BYTES = 16;
    private static final SecureRandom RANDOM = new SecureRandom();

    private Handshake() {
    }

    /**
     * The connecting side.
     *
     * @param rank who connects
     * @param peer who is expected to accept
     * @throws IOException when the other side does not know the token, or turns this one away
     */
    public static void connect(Socket socket, String token, int rank, int peer) throws IOException {
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        DataInputStream in = new DataInputStream(socket.getInputStream());
        byte[] mine = nonce();
        out.writeInt(MAGIC);
        out.writeInt(rank);
        out.write(mine);
        out.flush();
        byte[] theirs = in.readNBytes(NONCE_BYTES);
        byte[] proof = in.readNBytes(32);
        if (!MessageDigest.isEqual(proof, proof(token, "accept", peer, mine))) {
            throw new IOException("the process at " + socket.getRemoteSocketAddress() + " does not know this attempt's token");
        }
        out.write(proof(token, "connect", rank, theirs));
        out.flush();
        if (in.readInt() != MAGIC) {
            throw new IOException("the process at " + socket.getRemoteSocketAddress() + " turned this rank away");
        }
    }

    /**
     * The accepting side.
     *
     * @param rank who accepts
     * @return the caller's rank
     * @throws IOException when the caller does not know the token
     */
    public static int accept(Socket socket, String token, int rank) throws IOException {
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        DataInputStream in = new DataInputStream(socket.getInputStream());
        if (in.readInt() != MAGIC) {
            throw new IOException("a stranger at " + socket.getRemoteSocketAddress());
        }
        int peer = in.readInt();
        byte[] theirs = in.readNBytes(NONCE_BYTES);
        byte[] mine = nonce();
        out.write(mine);
        out.write(proof(token, "accept", rank, theirs));
        out.flush();
        if (!MessageDigest.isEqual(in.readNBytes(32), proof(token, "connect", peer, mine))) {
            throw new IOException("the process at " + socket.getRemoteSocketAddress() + " does not know this attempt's token");
        }
        out.writeInt(MAGIC);
        out.flush();
        return peer;
    }

    private static byte[] nonce() {
        byte[] nonce = new byte[NONCE_BYTES];
        RANDOM.nextBytes(nonce);
        return nonce;
    }

    private static byte[] proof(String token, String side, int rank, byte[] nonce) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(token.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
            mac.update((side + rank).getBytes(StandardCharsets.UTF_8));
            return mac.doFinal(nonce);
        } catch (GeneralSecurityException missing) {
            throw new IllegalStateException("this Java has no HmacSHA256", missing);
        }
    }
}
