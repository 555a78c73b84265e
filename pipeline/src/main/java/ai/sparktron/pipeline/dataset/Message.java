package ai.sparktron.pipeline.dataset;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * One turn of a conversation.
 *
 * @param role    who speaks
 * @param content the text; never null (an absent content is the empty string, and {@code extra} then holds {@code content} = null;
 *                a content of several text parts is joined here and kept as it was in {@code extra})
 * @param loss    the row's own weight for this message ({@code loss}, {@code loss_scale}): null = decided by {@code loss_scale}, 0 = never trained,
 *                another value = trained with that weight
 * @param extra   further keys of the row's message as parsed JSON ({@code reasoning_content}, {@code tool_calls}, {@code name} ...), for chat
 *                templates; numbers are Long, BigInteger or Double, objects LinkedHashMap, lists ArrayList
 */
public record Message(Role role, String content, Float loss, Map<String, Object> extra) {

    public Message {
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(content, "content");
        extra = Collections.unmodifiableMap(new LinkedHashMap<>(extra));
    }

    public Message(Role role, String content) {
        this(role, content, null, Map.of());
    }
}
