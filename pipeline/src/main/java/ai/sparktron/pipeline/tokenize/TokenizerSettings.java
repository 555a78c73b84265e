package ai.sparktron.pipeline.tokenize;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a model directory says about its tokenizer beside {@code tokenizer.json}.
 *
 * @param bosToken         spelling of the token that begins a text, or null
 * @param eosToken         spelling of the token that ends an answer, or null
 * @param padToken         spelling of the padding token, or null
 * @param unkToken         spelling of the unknown token, or null
 * @param addBosToken      whether a plain text gets the beginning token: {@code add_bos_token}, or the post-processor's template where that is absent
 * @param chatTemplate     the (default) chat template in Jinja, or null
 * @param namedTemplates   further chat templates by name ({@code tool_use}, {@code rag} ...)
 * @param modelMaxLength   longest text in tokens, or null when the file has none or a placeholder such as 1e30
 * @param stopIds          ids that end generation: {@code eos_token_id} of {@code generation_config.json}, then the end token's id
 * @param prefixIds        what the post-processor puts before a text
 * @param suffixIds        what the post-processor puts after a text
 */
public record TokenizerSettings(String bosToken, String eosToken, String padToken, String unkToken, boolean addBosToken, String chatTemplate,
                                Map<String, String> namedTemplates, Integer modelMaxLength, List<Integer> stopIds, List<Integer> prefixIds,
                                List<Integer> suffixIds) {
    public TokenizerSettings {
        namedTemplates = Collections.unmodifiableMap(new LinkedHashMap<>(namedTemplates));
        stopIds = List.copyOf(stopIds);
        prefixIds = List.copyOf(prefixIds);
        suffixIds = List.copyOf(suffixIds);
    }
}
