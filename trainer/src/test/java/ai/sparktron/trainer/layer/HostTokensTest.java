package ai.sparktron.trainer.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class HostTokensTest {

    /** Documents of 3, 1 and 3 tokens: what lies further on than a document's end is nobody's. */
    @Test
    void tokensFurtherOnStayInTheirDocument() {
        HostTokens tokens = HostTokens.of(new int[] {1, 2, 3, 4, 5, 6, 7}, new int[] {2, 3, -100, 9, 6, -100, 8}, new float[] {1, 2, 3, 4, 5, 6, 7},
                new int[] {0, 1, 2, 0, 0, 1, 2}, new int[] {0, 0, 0, 1, 2, 2, 2});
        HostTokens one = tokens.ahead(1);
        assertArrayEquals(new int[] {2, 3, 0, 0, 6, 7, 0}, one.ids());
        assertArrayEquals(new int[] {3, -100, -1, -1, -100, 8, -1}, one.labels());
        assertArrayEquals(new float[] {2, 3, 0, 0, 6, 7, 0}, one.weights());
        assertArrayEquals(tokens.positions(), one.positions());
        assertArrayEquals(tokens.documents(), one.documents());
        assertEquals(2, one.trainedTokens());
        HostTokens two = tokens.ahead(2);
        assertArrayEquals(new int[] {3, 0, 0, 0, 7, 0, 0}, two.ids());
        assertArrayEquals(new int[] {-100, -1, -1, -1, 8, -1, -1}, two.labels());
    }
}
