// The two services never meet in one program but this one, and three names stand for different
// things on their two sides. This is included ahead of everything of the gateway's.
#pragma once

#define Attachment GatewayAttachment
#define StateMoved SessionStateMoved
#define Acknowledge SessionAcknowledge
