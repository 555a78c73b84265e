package ai.sparktron.trainer.comm.nccl;

import ai.sparktron.trainer.comm.CommunicationException;

/** NCCL or the CUDA runtime beneath it refused a call. */
public final class NcclException extends CommunicationException {
    private static final long serialVersionUID = 1L;

    NcclException(String message, Throwable cause) {
        super(message, cause);
    }

    NcclException(String message) {
        super(message);
    }
}
