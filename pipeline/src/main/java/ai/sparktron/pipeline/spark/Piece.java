package ai.sparktron.pipeline.spark;

import java.io.Serializable;

/**
 * Where the rows of one piece stand.
 *
 * @param source    number of its source in the run
 * @param name      file or frame, for messages
 * @param firstRow  index of its first row within the source
 * @param firstLine lines before it in its file
 */
record Piece(int source, String name, long firstRow, long firstLine) implements Serializable {
}
