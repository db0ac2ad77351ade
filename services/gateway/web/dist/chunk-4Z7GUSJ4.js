function i(t){return t.map(n=>n.map(r).join(",")+`\r
`).join("")}function r(t){if(typeof t=="number")return String(t);let n=/^[=+\-@\t\r]/.test(t)?`'${t}`:t;return/[",\r\n]/.test(n)?`"${n.replaceAll('"','""')}"`:n}function o(t,n){let e=document.createElement("a");e.href=URL.createObjectURL(t),e.download=n,e.click(),setTimeout(()=>URL.revokeObjectURL(e.href))}export{i as a,o as b};
