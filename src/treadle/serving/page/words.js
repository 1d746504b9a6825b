// What the page says, in English and Chinese.

const EN = {
  models: "Models", skip: "Skip to the model", theme_dark: "Dark", theme_light: "Light", other: "中文",
  classify: "Classification", regress: "Regression", tag: "Tagging", "language-model": "Language model",
  forecast: "Forecasting", translate: "Translation", transcribe: "Speech recognition", caption: "Captions",
  choose_model: "Choose a model.", no_models: "There is no model.", loading: "Opening …", unreachable: "The server cannot be reached.",
  token_title: "This server asks for a token", token: "Token", enter: "Enter",
  text: "Text", sentence: "Sentence", type_here: "Type or paste a text …", series: "Series", series_hint: "Numbers: a step a line, the channels of a step between commas.",
  column: "Column", tokens_hint: "Tokens between spaces.", answer: "Answer", answers_as_you_type: "The answer follows as you type.",
  ask: "Ask", words_for: "What spoke for “{0}”", words_title: "What moved the answer", against: "against", for: "for", confidence: "{0} sure",
  tags: "Tags", no_spans: "Nothing was found in this sentence.", words_tags: "What spoke for each tag", label: "Label",
  prompt: "Beginning", write: "Write", stop: "Stop", temperature: "Temperature", top_k: "Likeliest symbols (0: all)", top_p: "Share of probability",
  penalty: "Penalty of repetition", length: "Symbols at most", seed: "Seed", written: "Text", how: "How it is drawn",
  ended_length: "Written: {0} symbols.", ended_stop: "Ended by a stop after {0} symbols.", ended_time: "Stopped by the server’s time limit after {0} symbols.", stopped: "Stopped.",
  surprise: "How surprising the beginning is", surprise_key: "expected", surprise_key_end: "surprising", bits: "{0} bits a character",
  table: "Table of steps (CSV)", drop_csv: "Drop a CSV file here, or", choose_file: "choose a file", csv_hint: "A column of times and one of values; for several series a column of their names.",
  example: "An example", horizon: "Steps ahead", forecast_do: "Forecast", fan: "Forecast", past: "past", median: "median", band: "{0} to {1} %", figures: "Figures",
  which: "Series", step: "Step", fan_label: "{0} steps of the past and {1} ahead; the median goes from {2} to {3}.",
  source: "Text to translate", beam: "Beam", translate_do: "Translate", translation: "Translation", attention: "Where it looked", attention_hint: "A row for every symbol that was written; the stronger its colour, the more it looked at that symbol of the source.",
  record: "Record", recording: "Recording …", finish: "Stop and transcribe", drop_audio: "Drop a recording here, or", no_microphone: "The microphone cannot be used: {0}",
  heard: "Heard", nothing_heard: "Nothing was heard.", play_from: "Play from {0} s", seconds: "{0} s", cannot_decode: "This file cannot be read as sound.",
  picture: "Picture", drop_picture: "Drop a picture here, or", frames: "Frames", frames_hint: "Numbers: a frame a line, its numbers between commas.", caption_title: "Caption", look: "Choose a word to see where the model looked when it wrote it.",
  states: "Hidden state", states_show: "Show the hidden state while it reads", states_hint: "A column a step, a row a unit: blue below zero, rust above.",
  states_label: "{0} units over {1} steps", states_first: "the first {0} of {1} units", unit: "unit {0}", tall: "{0} of {1} steps",
};

const ZH = {
  models: "模型", skip: "跳到模型", theme_dark: "深色", theme_light: "浅色", other: "English",
  classify: "分类", regress: "回归", tag: "序列标注", "language-model": "语言模型",
  forecast: "预测", translate: "翻译", transcribe: "语音识别", caption: "图像描述",
  choose_model: "请选择一个模型。", no_models: "没有模型。", loading: "正在打开……", unreachable: "无法连接服务器。",
  token_title: "此服务器需要令牌", token: "令牌", enter: "进入",
  text: "文本", sentence: "句子", type_here: "输入或粘贴文本……", series: "序列", series_hint: "数字：每行一步，一步的各通道用逗号分隔。",
  column: "列", tokens_hint: "词之间用空格分隔。", answer: "回答", answers_as_you_type: "边输入边回答。",
  ask: "提问", words_for: "支持“{0}”的词", words_title: "影响回答的部分", against: "反对", for: "支持", confidence: "把握 {0}",
  tags: "标注", no_spans: "这句话里没有找到任何片段。", words_tags: "支持各个标注的词", label: "标签",
  prompt: "开头", write: "续写", stop: "停止", temperature: "温度", top_k: "只取最可能的符号（0：全部）", top_p: "概率份额",
  penalty: "重复惩罚", length: "最多符号数", seed: "随机种子", written: "文本", how: "如何抽取",
  ended_length: "写完：{0} 个符号。", ended_stop: "遇到停止符，共 {0} 个符号。", ended_time: "达到服务器时间上限，共 {0} 个符号。", stopped: "已停止。",
  surprise: "开头有多出人意料", surprise_key: "意料之中", surprise_key_end: "出人意料", bits: "每字符 {0} 比特",
  table: "时间步表格（CSV）", drop_csv: "把 CSV 文件拖到这里，或", choose_file: "选择文件", csv_hint: "一列时间、一列数值；多条序列再加一列名称。",
  example: "示例", horizon: "预测步数", forecast_do: "预测", fan: "预测", past: "历史", median: "中位数", band: "{0} 到 {1} %", figures: "数值",
  which: "序列", step: "步", fan_label: "历史 {0} 步，预测 {1} 步；中位数从 {2} 到 {3}。",
  source: "要翻译的文本", beam: "束宽", translate_do: "翻译", translation: "译文", attention: "注意力", attention_hint: "每行是写出的一个符号；颜色越浓，对该源符号的注意越多。",
  record: "录音", recording: "正在录音……", finish: "停止并识别", drop_audio: "把录音拖到这里，或", no_microphone: "无法使用麦克风：{0}",
  heard: "识别结果", nothing_heard: "什么也没有听到。", play_from: "从 {0} 秒播放", seconds: "{0} 秒", cannot_decode: "此文件无法作为声音读取。",
  picture: "图片", drop_picture: "把图片拖到这里，或", frames: "帧", frames_hint: "数字：每行一帧，数字之间用逗号分隔。", caption_title: "描述", look: "选择一个词，查看写它时模型看向哪里。",
  states: "隐藏状态", states_show: "显示读入时的隐藏状态", states_hint: "每列一步，每行一个单元：蓝色低于零，赭色高于零。",
  states_label: "{0} 个单元，{1} 步", states_first: "{1} 个单元中的前 {0} 个", unit: "单元 {0}", tall: "{1} 步中的 {0} 步",
};

const KEY = "treadle.language";
const TABLES = { en: EN, zh: ZH };

export const language = {
  get: () => localStorage.getItem(KEY) || ((navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en"),
  set: (name) => localStorage.setItem(KEY, name),
};

/** A text of the page, with its gaps filled. */
export function t(name, ...gaps) {
  const found = TABLES[language.get()][name] ?? EN[name] ?? name;
  return gaps.reduce((text, gap, place) => text.replace(`{${place}}`, gap), found);
}
