package dev.ikat.testbed.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class JsonTest {
    @Test
    void readsEveryKindOfValue() {
        Json json = Json.parse(" {\"a\": [1, -2.5e3, \"x\\n\\u00e9\\\"\"], \"b\": {\"c\": true, \"d\": null}} ");

        assertThat(json.get("a").get(0).number()).isEqualTo(1);
        assertThat(json.get("a").get(1).text()).isEqualTo("-2.5e3");
        assertThat(json.get("a").get(2).text()).isEqualTo("x\n\u00e9\"");
        assertThat(json.get("b").get("c").isTrue()).isTrue();
        assertThat(json.get("b").has("d")).isTrue();
        assertThat(json.get("b").get("d")).isEqualTo(json.get("nothing").get(7).get("there"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[1 2]",
                "{\"a\" 1}",
                "nul",
                "\"open",
                "{} {}",
                "\"\\q\"",
                "\"\\u12",
                "01",
                "+1",
                "1.2.3",
                "-",
                "[1,]",
                "{\"a\": 1,}",
                "\"a\tb\"",
                "\"\\u+123\""
            })
    void refusesWhatIsNoJson(String text) {
        assertThatThrownBy(() -> Json.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("JSON: ");
    }

    @Test
    void saysWhereTheTextIsNoJson() {
        assertThatThrownBy(() -> Json.parse("{\"a\":\n 1 2}")).hasMessageContaining("line: 2, column: 4");
    }

    @Test
    void whatIsReadIsWrittenAgain() {
        String text = "{\"a\":[1,-2.5e3,\"x\\n\\\"é\"],\"b\":{\"c\":true,\"d\":null},\"e\":[],\"f\":{}}";

        assertThat(Json.parse(text).render()).isEqualTo(text);
        assertThat(Json.parse(text).with("b", new Json.Num("7")).render())
                .isEqualTo(text.replace("{\"c\":true,\"d\":null}", "7"));
    }
}
