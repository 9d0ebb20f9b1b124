//! What is typed is about the room before the prompt, and never about another.

use super::child::Child;

#[test]
fn answers_and_corrections_stay_in_the_room_before_the_prompt() {
    let mut child = Child::new(&["--ephemeral"]);
    child.line("* bo is here");
    child.say("my public words");
    child.say("fake: hear 1 public words");
    child.line("#lobby <bo> public words");
    child.say("/private #pp");
    child.line("/join #pp ");
    for line in ["/reply bo the door code is 99", "/react +1", "/react +1 bo", "/edit the code", "/delete"] {
        child.say(line);
    }
    child.say("fake: hear 1 private words");
    child.line("#pp <bo> private words");
    child.say("/reply bo the door code is 99");
    child.line("#pp <ana> (to bo: private words) the door code is 99");
    child.say("/react +1");
    child.line("#pp * ana reacts +1 to bo: private words");
    child.say("/edit the code is 98");
    child.line("#pp * ana corrects \"the door code is 99\" to: the code is 98");
    child.say("/delete");
    child.line("#pp * ana takes back \"the code is 98\", said at ");
    child.say("/delete @bo");
    child.say("/reply @bo you told me nothing yet");
    child.say("fake: direct secret");
    child.line("@bo <bo> secret");
    child.say("/reply @bo thank you");
    child.line("@bo <ana> (to bo: secret) thank you");
    child.say("/react +1 @bo");
    child.line("@bo * ana reacts +1 to bo: secret");
    child.say("/delete @bo");
    child.line("@bo * ana takes back \"thank you\"");
    child.say("/msg bo psst");
    child.line("@bo <ana> psst");
    child.say("/edit @bo the code for you alone");
    child.say("/delete @bo");
    child.line("@bo * ana takes back \"psst\", said at ");
    child.say("said in the room of before");
    child.line("#pp <ana> said in the room of before");
    child.say("/leave");
    child.say("/private #pp");
    child.line("/join #pp ");
    child.say("/edit said in another one");
    child.end_input();
    let ended = child.ended();
    let complaints: Vec<&str> = ended.errors.lines().collect();
    let expected = [
        "! not sent, nothing of bo in #pp to answer: the door code is 99",
        "! nothing of anybody else in #pp to react to",
        "! nothing of bo in #pp to react to",
        "! nothing of yours in #pp to correct",
        "! nothing of yours in #pp to take back; /delete @NICK is for what you told one person",
        "! nothing that you told bo alone to take back",
        "! not sent, bo told you nothing alone to answer: you told me nothing yet",
        "! nothing was corrected: what you told bo alone cannot be, /delete @bo takes it back; to correct what you said here, \
         begin with another word",
        "! nothing of yours in #pp to correct",
    ];
    assert_eq!(complaints, expected, "{}", ended.errors);
    let public = ended.lines.iter().filter(|line| line.contains("#lobby"));
    assert!(!public.clone().any(|line| line.contains("(to") || line.contains("code")), "{:#?}", ended.lines);
}
